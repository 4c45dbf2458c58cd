//go:build unix

package pagewire

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// isPrivate tells whether a file or folder is ours and nobody else may open it.
func isPrivate(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Getuid() && info.Mode().Perm()&0o077 == 0
}

// isAlive tells whether a process runs. One that has ended and that its parent has not waited for does not.
func isAlive(pid int) bool {
	// The state stands behind the name, which is in parentheses and may hold some. Without /proc the signal
	// alone counts.
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, behindName, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	ended := found && bytes.HasPrefix(behindName, []byte("Z"))
	return pid > 0 && !ended && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

//go:build unix

package pagewire

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// isPrivate reports whether a file or folder belongs to the current user and is not accessible to others.
func isPrivate(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Getuid() && info.Mode().Perm()&0o077 == 0
}

// isAlive reports whether a process of the current user runs. A zombie counts as dead.
func isAlive(pid int) bool {
	// The state follows the name, which is in parentheses and may contain parentheses. Without /proc only the
	// signal decides.
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	isZombie := found && bytes.HasPrefix(state, []byte("Z"))
	// Not permitted: the process is another user's, which got the id after the daemon had exited.
	return pid > 0 && !isZombie && syscall.Kill(pid, 0) == nil
}

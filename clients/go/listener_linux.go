package pagewire

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ownsPort reports whether a process listens at the port of a TCP endpoint.
func ownsPort(pid int, endpoint Endpoint) bool {
	_, port, err := net.SplitHostPort(endpoint.address)
	number, parseErr := strconv.Atoi(port)
	if endpoint.network == "unix" || err != nil || parseErr != nil {
		return true
	}
	sockets, err := listeningSockets(number)
	if err != nil {
		return true // The owner is unknown.
	}
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.ReadDir(folder)
	if err != nil {
		// /proc/PID/fd of a program with capabilities is not readable; then any listener of the current user at
		// this port counts as its own.
		return errors.Is(err, fs.ErrPermission) && len(sockets) > 0
	}
	for _, file := range files {
		target, _ := os.Readlink(filepath.Join(folder, file.Name()))
		if slices.Contains(sockets, target) {
			return true
		}
	}
	return false
}

// listeningSockets returns the sockets of the current user that listen at a TCP port, as links in /proc/PID/fd
// name them. The error is that of the last table, if there is none.
func listeningSockets(port int) (sockets []string, err error) {
	suffix, user := fmt.Sprintf(":%04X", port), strconv.Itoa(os.Getuid())
	known := false
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		var content []byte
		if content, err = os.ReadFile(table); err != nil {
			continue
		}
		known = true
		for _, line := range strings.Split(string(content), "\n") {
			// The local address, the state (0A: listening), the owner and the socket: see proc_net_tcp in the
			// kernel's documentation.
			fields := strings.Fields(line)
			if len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == "0A" && fields[7] == user {
				sockets = append(sockets, "socket:["+fields[9]+"]")
			}
		}
	}
	if known {
		err = nil
	}
	return sockets, err
}

// ownsSocket reports whether a process is the peer of a connection to a socket file. True for TCP.
func ownsSocket(pid int, connection net.Conn) bool {
	unix, ok := connection.(*net.UnixConn)
	if !ok {
		return true
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return false
	}
	owned := false
	err = raw.Control(func(fd uintptr) {
		peer, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		owned = err == nil && int(peer.Pid) == pid
	})
	return err == nil && owned
}

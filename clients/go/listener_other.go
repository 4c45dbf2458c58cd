//go:build !linux

package pagewire

import "net"

// ownsPort returns true: this system does not report the owner of a listener.
func ownsPort(int, Endpoint) bool { return true }

// ownsSocket returns true: this system does not report the owner of a listener.
func ownsSocket(int, net.Conn) bool { return true }

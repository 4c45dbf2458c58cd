//go:build !linux

package pagewire

import "net"

// ownsPort returns true: this system does not tell whose a listener is.
func ownsPort(int, Endpoint) bool { return true }

// ownsSocket returns true: this system does not tell whose a listener is.
func ownsSocket(int, net.Conn) bool { return true }

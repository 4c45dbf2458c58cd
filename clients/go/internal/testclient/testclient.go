// Package testclient gives package pagewiretest a client without a daemon, which package pagewire does not export.
package testclient

// New returns a new *pagewire.Client whose calls fail. Package pagewire sets it.
var New func() any

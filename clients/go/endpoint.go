package pagewire

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
)

const (
	// endpointVariable names the control endpoint, for processes that the daemon spawned and for people.
	endpointVariable = "PAGEWIRE_ENDPOINT"
	// tokenVariable holds the control token.
	tokenVariable = "PAGEWIRE_TOKEN"
)

// An Endpoint is where a daemon listens for programs: an address, and a token unless it needs none.
// The zero Endpoint names no daemon. The token is a secret: no way of printing an Endpoint shows it.
type Endpoint struct {
	// Network and address as package net has them.
	network, address string
	token            string
}

// ParseEndpoint understands 127.0.0.1:8001, [::1]:8001, localhost:8001, http://127.0.0.1:8001 and
// unix:/path. It connects to nothing. What is no endpoint is an [EndpointError].
func ParseEndpoint(text string) (Endpoint, error) {
	invalid := func(problem string) (Endpoint, error) {
		return Endpoint{}, &EndpointError{text, problem + " (pass 127.0.0.1:8001, [::1]:8001 or unix:/path)"}
	}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		// gRPC's two spellings: unix:path and unix:///absolute_path.
		path = strings.TrimPrefix(path, "//")
		if path == "" {
			return invalid("is a unix socket without a path")
		}
		return Endpoint{network: "unix", address: path}, nil
	}
	if strings.HasPrefix(text, "https://") {
		return invalid("asks for TLS, which the control endpoint does not speak")
	}
	authority := strings.TrimSuffix(strings.TrimPrefix(text, "http://"), "/")
	if strings.ContainsAny(authority, "/?#@ \t\r\n") {
		return invalid("is more than a host and a port")
	}
	host, port, err := net.SplitHostPort(authority)
	switch {
	case err != nil:
		return invalid("is not a host and a port")
	case host == "":
		return invalid("has no host")
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return invalid("has no port")
	}
	return Endpoint{network: "tcp", address: authority}, nil
}

// FindEndpoint is the daemon that is meant when the program was told none: the one that
// PAGEWIRE_ENDPOINT names, with PAGEWIRE_TOKEN if it is set; else the one whose root is nearest around
// the current folder, else one whose root is below it, else the only one that runs.
//
// It reads small files, and tries whether who wrote them still listens. The errors are [EndpointError],
// [TokenFileError], [NoDaemonError], and [SeveralDaemonsError] when two are equally near.
func FindEndpoint() (Endpoint, error) { return findEndpoint(nil) }

// findEndpoint is FindEndpoint; with folders, of a daemon that served these when it was found before: not another
// project's, which may be the only one for a while.
func findEndpoint(home []string) (Endpoint, error) {
	if text := variable(endpointVariable); text != "" {
		endpoint, err := ParseEndpoint(text)
		if err != nil {
			return Endpoint{}, err
		}
		return endpoint.WithToken(variable(tokenVariable)).withKnownToken(), nil
	}
	daemon, err := findDaemon(home)
	if err != nil {
		return Endpoint{}, err
	}
	return daemon.endpoint()
}

// WithToken is the endpoint with this token, which goes with every call. A unix socket needs none.
func (e Endpoint) WithToken(token string) Endpoint {
	e.token = token
	return e
}

// WithTokenFile is the endpoint with the token that is this file's content, without surrounding white
// space. A file that cannot be read or is empty is a [TokenFileError].
func (e Endpoint) WithTokenFile(path string) (Endpoint, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Endpoint{}, &TokenFileError{path, err}
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return Endpoint{}, &TokenFileError{path, errors.New("it is empty")}
	}
	return e.WithToken(token), nil
}

// String is the address, without the token.
func (e Endpoint) String() string {
	if e.network == "unix" {
		return "unix:" + e.address
	}
	return e.address
}

// GoString is the address, without the token.
func (e Endpoint) GoString() string { return "pagewire.Endpoint(" + e.String() + ")" }

func (e Endpoint) isZero() bool { return e.address == "" }

// withKnownToken is the endpoint with the token of the daemon in the discovery files that listens there,
// unless it has one or needs none. Without a token the daemon says what is missing.
func (e Endpoint) withKnownToken() Endpoint {
	if e.token != "" || e.network == "unix" {
		return e
	}
	daemons, err := runningDaemons()
	if err != nil {
		return e
	}
	for _, daemon := range daemons {
		for _, control := range daemon.Controls {
			known, err := ParseEndpoint(control)
			if err != nil || !known.isAt(e) || daemon.TokenFile == "" {
				continue
			}
			if found, err := e.WithTokenFile(daemon.TokenFile); err == nil {
				return found
			}
		}
	}
	return e
}

// isAt tells whether both name the same address.
func (e Endpoint) isAt(other Endpoint) bool {
	numeric := func(address string) string { return strings.Replace(address, "localhost:", "127.0.0.1:", 1) }
	return e.network == other.network && numeric(e.address) == numeric(other.address)
}

// variable is what an environment variable says; empty if it says nothing.
func variable(name string) string { return strings.TrimSpace(os.Getenv(name)) }

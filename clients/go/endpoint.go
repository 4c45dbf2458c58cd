package pagewire

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
)

const (
	// endpointVariable names the environment variable for the control endpoint, set by the daemon for the plugins
	// it spawns, or by hand.
	endpointVariable = "PAGEWIRE_ENDPOINT"
	// tokenVariable names the environment variable for the control token.
	tokenVariable = "PAGEWIRE_TOKEN"
)

// An Endpoint is the control endpoint of a daemon: an address, and a token if the address needs one. The
// zero Endpoint has no address. The token is a secret and is never printed.
type Endpoint struct {
	// network and address are arguments of package net.
	network, address string
	token            string
}

// ParseEndpoint parses 127.0.0.1:8001, [::1]:8001, localhost:8001, http://127.0.0.1:8001 and unix:/path. It
// does not connect. The error is an [EndpointError].
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
		return invalid("requests TLS, which the control endpoint does not support")
	}
	authority := strings.TrimSuffix(strings.TrimPrefix(text, "http://"), "/")
	if strings.ContainsAny(authority, "/?#@ \t\r\n") {
		return invalid("contains more than a host and a port")
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

// FindEndpoint finds a daemon without being given one: the daemon that PAGEWIRE_ENDPOINT names, with
// PAGEWIRE_TOKEN if that is set; otherwise the daemon with the innermost root that contains the current folder;
// otherwise a daemon with a root inside the current folder; otherwise the only running one.
//
// It reads small files and tries the addresses in them. The errors are [EndpointError], [TokenFileError],
// [NoDaemonError], and [SeveralDaemonsError] when several daemons match equally well.
func FindEndpoint() (Endpoint, error) { return findEndpoint(nil) }

// findEndpoint is FindEndpoint, restricted to daemons that serve roots, if roots is not nil: while a plugin's
// daemon restarts, the only running daemon may belong to another project.
func findEndpoint(roots []string) (Endpoint, error) {
	if text := envVariable(endpointVariable); text != "" {
		endpoint, err := ParseEndpoint(text)
		if err != nil {
			return Endpoint{}, err
		}
		return endpoint.WithToken(envVariable(tokenVariable)).withDiscoveredToken(), nil
	}
	daemon, err := findDaemon(roots)
	if err != nil {
		return Endpoint{}, err
	}
	return daemon.endpoint()
}

// WithToken returns the endpoint with this token, which is sent with every call. A unix socket needs none.
func (e Endpoint) WithToken(token string) Endpoint {
	e.token = token
	return e
}

// WithTokenFile returns the endpoint with the token from this file, without surrounding white space. The
// error is a [TokenFileError] if the file cannot be read or is empty.
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

// String returns the address, without the token.
func (e Endpoint) String() string {
	if e.network == "unix" {
		return "unix:" + e.address
	}
	return e.address
}

// GoString returns the address, without the token.
func (e Endpoint) GoString() string { return "pagewire.Endpoint(" + e.String() + ")" }

func (e Endpoint) isZero() bool { return e.address == "" }

// withDiscoveredToken returns the address and token of the discovered daemon at its address, unless it has a
// token or needs none. The address differs if it was given as localhost, at which another program may listen, too. If no token is found, the daemon's error reports the missing token.
func (e Endpoint) withDiscoveredToken() Endpoint {
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
			if err != nil || !known.hasSameAddress(e) || daemon.TokenFile == "" {
				continue
			}
			if found, err := known.WithTokenFile(daemon.TokenFile); err == nil {
				return found
			}
		}
	}
	return e
}

// hasSameAddress reports whether both have the same address.
func (e Endpoint) hasSameAddress(other Endpoint) bool {
	numeric := func(address string) string { return strings.Replace(address, "localhost:", "127.0.0.1:", 1) }
	return e.network == other.network && numeric(e.address) == numeric(other.address)
}

// envVariable returns the value of an environment variable without surrounding white space.
func envVariable(name string) string { return strings.TrimSpace(os.Getenv(name)) }

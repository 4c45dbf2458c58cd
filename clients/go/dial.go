package pagewire

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	// connectTimeout limits dialing plus the first call. Exceeding it is a ConnectError.
	connectTimeout = 5 * time.Second
	// keepaliveInterval is the time without a frame after which an HTTP/2 ping is sent.
	keepaliveInterval = 10 * time.Second
	// keepaliveTimeout is the time after which an unanswered ping closes the connection.
	keepaliveTimeout = 5 * time.Second
	// streamWindowBytes is the flow-control window of one stream: unread bytes after which the daemon waits.
	streamWindowBytes = 1 << 20
	// connectionWindowBytes is the flow-control window of the connection: many times that of a stream, so
	// that one unread stream does not starve the others.
	connectionWindowBytes = 64 << 20
	// maxReceivedMessageBytes is the largest accepted message; a larger one fails its call.
	maxReceivedMessageBytes = 64 << 20
	// maxRedialDelay is the longest delay between two connection attempts, as for plugins.
	maxRedialDelay = 5 * time.Second
)

// A connection is one HTTP/2 connection, re-established on demand after it was lost.
type connection struct {
	*grpc.ClientConn
	// dialError is the error of the last dial attempt; it is clearer than the error that gRPC reports.
	dialError atomic.Pointer[error]
}

func dial(endpoint Endpoint) (*connection, error) {
	conn := &connection{}
	dialer := func(ctx context.Context, _ string) (net.Conn, error) {
		dialed, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, endpoint.network, endpoint.address)
		if err != nil {
			conn.dialError.Store(&err)
		}
		return dialed, err
	}
	authority := endpoint.address
	if endpoint.network == "unix" {
		// The path of the socket would be refused as an authority.
		authority = "localhost"
	}
	redial := backoff.DefaultConfig
	redial.BaseDelay = 200 * time.Millisecond
	redial.MaxDelay = maxRedialDelay
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(dialer),
		grpc.WithAuthority(authority),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: redial, MinConnectTimeout: connectTimeout}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: keepaliveInterval, Timeout: keepaliveTimeout, PermitWithoutStream: true,
		}),
		grpc.WithInitialWindowSize(streamWindowBytes),
		grpc.WithInitialConnWindowSize(connectionWindowBytes),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceivedMessageBytes)),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
	}
	if endpoint.token != "" {
		for _, char := range []byte(endpoint.token) {
			if char < ' ' || char > '~' {
				return nil, &EndpointError{endpoint.String(), "has a token that is not a valid header value (pass the token as the daemon wrote it)"}
			}
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer(endpoint.token)))
	}
	// passthrough disables name resolution, because the dialer has the address.
	grpcConn, err := grpc.NewClient("passthrough:///"+authority, options...)
	if err != nil {
		return nil, &ConnectError{endpoint.String(), err}
	}
	conn.ClientConn = grpcConn
	return conn, nil
}

// bearer sends a token with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity returns false, because the daemon listens only on this machine, without TLS.
func (b bearer) RequireTransportSecurity() bool { return false }

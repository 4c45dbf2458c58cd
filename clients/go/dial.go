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
	// connectTimeout is how long dialling and the daemon's first answer may take; beyond, it is a
	// ConnectError. 5 s.
	connectTimeout = 5 * time.Second
	// keepaliveInterval is the time without a frame after which an HTTP/2 ping is sent. 10 s.
	keepaliveInterval = 10 * time.Second
	// keepaliveTimeout is how long its answer may take; beyond, the connection is given up. 5 s.
	keepaliveTimeout = 5 * time.Second
	// streamWindowBytes is what may be on its way unread on one stream; then the daemon waits on that
	// stream. 1 MiB.
	streamWindowBytes = 1 << 20
	// connectionWindowBytes is the same for all streams together: many times one stream's, so that one
	// that is not read does not starve the others. 64 MiB.
	connectionWindowBytes = 64 << 20
	// maxReceivedMessageBytes is the largest message accepted; a larger one fails its call. 64 MiB.
	maxReceivedMessageBytes = 64 << 20
	// maxRedialDelay is the longest time between two attempts to dial again. 5 s, as for plugins.
	maxRedialDelay = 5 * time.Second
)

// A connection is one HTTP/2 connection, dialled again when it was lost and is needed.
type connection struct {
	*grpc.ClientConn
	// dialError is what the last attempt to dial failed with: plainer than what gRPC makes of it.
	dialError atomic.Pointer[error]
}

func dial(endpoint Endpoint) (*connection, error) {
	made := &connection{}
	dialer := func(ctx context.Context, _ string) (net.Conn, error) {
		dialed, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, endpoint.network, endpoint.address)
		if err != nil {
			made.dialError.Store(&err)
		}
		return dialed, err
	}
	authority := endpoint.address
	if endpoint.network == "unix" {
		// A socket's path would be refused.
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
				return nil, &EndpointError{endpoint.String(), "has a token that cannot be a header (pass the token as the daemon wrote it)"}
			}
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer(endpoint.token)))
	}
	// Nothing is to be resolved: the dialer knows where to go.
	conn, err := grpc.NewClient("passthrough:///"+authority, options...)
	if err != nil {
		return nil, &ConnectError{endpoint.String(), err}
	}
	made.ClientConn = conn
	return made, nil
}

// bearer is a token that goes with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity is false: the daemon listens on this machine only, without TLS.
func (b bearer) RequireTransportSecurity() bool { return false }

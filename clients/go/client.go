package pagewire

import (
	"context"
	"errors"
	"time"

	pb "pagewire.dev/client/internal/pagewirev1"
)

const (
	// defaultDeadline bounds a call whose context has no deadline; then it fails with DEADLINE. 30 s.
	defaultDeadline = 30 * time.Second
	// listPageSize is how many sockets or plugins are asked for at a time; more take further calls. 1000.
	listPageSize = 1000
)

// A Client is a connection to a daemon. All methods may be called from any goroutine at the same time,
// and from inside handlers. None retries by itself.
//
// Sends that return one after the other reach a page in that order, each at most once. Nothing is kept
// for pages that connect later.
//
// The connection is dialled again when it was lost, so that a client outlives a restart of its daemon at
// the same endpoint, if its token is the same; subscriptions end with the connection.
type Client struct {
	conn  *connection
	rpc   pb.ControlServiceClient
	sends *sendStream
}

// Connect connects, and asks the daemon who it is: a wrong address or token is noticed here. An
// endpoint without a token gets that of the daemon of the same user which listens there. It takes 5 s at
// most.
//
// The error is a [ConnectError] when nobody answers or what answers is no daemon, and an [Error] when the
// daemon refuses the token (TOKEN_MISSING, TOKEN_INVALID) or is STARTING or STOPPING.
func Connect(ctx context.Context, endpoint Endpoint) (*Client, error) {
	if endpoint.isZero() {
		return nil, &EndpointError{"", "names no daemon (pass one that ParseEndpoint or FindEndpoint made)"}
	}
	conn, err := dial(endpoint.withKnownToken())
	if err != nil {
		return nil, err
	}
	client := &Client{conn: conn, rpc: pb.NewControlServiceClient(conn)}
	client.sends = newSendStream(client.rpc)
	greeting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	_, err = client.Info(greeting)
	if err == nil {
		return client, nil
	}
	client.Close()
	if refused, ok := errors.AsType[*Error](err); ok {
		late := greeting.Err() != nil && ctx.Err() == nil
		if ctx.Err() != nil || refused.Reason != "" && !late {
			return nil, err
		}
		if late {
			err = errors.New("no answer within 5 s")
		}
	}
	if cause := conn.dialError.Load(); cause != nil {
		err = *cause
	} else if lost, ok := errors.AsType[*DisconnectedError](err); ok {
		err = lost.Err
	}
	return nil, &ConnectError{endpoint.String(), err}
}

// Find connects to the daemon that is meant when nobody named one: see [FindEndpoint].
func Find(ctx context.Context) (*Client, error) {
	endpoint, err := FindEndpoint()
	if err != nil {
		return nil, err
	}
	return Connect(ctx, endpoint)
}

// Close ends the connection; calls that wait fail. A plugin's client closes with its session.
func (c *Client) Close() error {
	c.sends.close()
	return c.conn.Close()
}

// Info tells version, features and limits of the daemon.
func (c *Client) Info(ctx context.Context) (*ServerInfo, error) {
	ctx, cancel := bounded(ctx, defaultDeadline)
	defer cancel()
	info, err := c.rpc.GetServerInfo(ctx, &pb.GetServerInfoRequest{})
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return serverInfoFrom(info), nil
}

// Sockets are the ready sockets that match, or all sockets if the filter is nil.
func (c *Client) Sockets(ctx context.Context, filter *SocketFilter) ([]Socket, error) {
	list, err := c.ListSockets(ctx, filter)
	if err != nil {
		return nil, err
	}
	return list.Sockets, nil
}

// ListSockets is [Client.Sockets] with the instant at which they were listed: a subscription after it
// misses nothing.
func (c *Client) ListSockets(ctx context.Context, filter *SocketFilter) (*SocketList, error) {
	ctx, cancel := bounded(ctx, defaultDeadline)
	defer cancel()
	request := &pb.ListSocketsRequest{Filter: filter.proto(), PageSize: listPageSize}
	list := &SocketList{}
	for {
		page, err := c.rpc.ListSockets(ctx, request)
		if err != nil {
			return nil, fromRPC(ctx, err)
		}
		list.Sockets = append(list.Sockets, socketsFrom(page.GetSockets())...)
		list.Position = positionFrom(page.GetPosition())
		request.PageToken = page.GetNextPageToken()
		if request.PageToken == "" {
			return list, nil
		}
	}
}

// Plugins are those that are configured and those that run, in the order in which their hooks are asked.
func (c *Client) Plugins(ctx context.Context) ([]PluginInfo, error) {
	ctx, cancel := bounded(ctx, defaultDeadline)
	defer cancel()
	request := &pb.ListPluginsRequest{PageSize: listPageSize}
	var plugins []PluginInfo
	for {
		page, err := c.rpc.ListPlugins(ctx, request)
		if err != nil {
			return nil, fromRPC(ctx, err)
		}
		for _, plugin := range page.GetPlugins() {
			plugins = append(plugins, pluginInfoFrom(plugin))
		}
		request.PageToken = page.GetNextPageToken()
		if request.PageToken == "" {
			return plugins, nil
		}
	}
}

// Stale says which remembered and cached results of hooks to forget: whatever any of its fields names.
// One that names nothing is refused by the daemon (FIELD_INVALID).
type Stale struct {
	// All is everything, of every plugin.
	All bool
	// Paths are URL paths, each beginning with /; the query does not count.
	Paths []string
	// Prefixes are what URL paths begin with.
	Prefixes []string
	// Files are absolute paths of files: whatever was made from them is forgotten.
	Files []string
	// RefreshPages also has the pages that use any of it act as in watch mode: styles are swapped, else
	// the page reloads.
	RefreshPages bool
}

// Invalidate has the daemon forget, and returns how many results were forgotten. Results of calls that
// began before it returns are never remembered.
func (c *Client) Invalidate(ctx context.Context, stale Stale) (int, error) {
	ctx, cancel := bounded(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.Invalidate(ctx, &pb.InvalidateRequest{
		All:          stale.All,
		ExactPaths:   stale.Paths,
		PathPrefixes: stale.Prefixes,
		FilePaths:    stale.Files,
		RefreshPages: stale.RefreshPages,
	})
	if err != nil {
		return 0, fromRPC(ctx, err)
	}
	return int(response.GetEntriesForgotten()), nil
}

// bounded is the context with a deadline: its own, or this one.
func bounded(ctx context.Context, deadline time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, deadline)
}

// size is a number of bytes or things as the contract has it; what is negative is 0, the default.
func size(number int) uint32 { return uint32(min(max(number, 0), 1<<32-1)) }

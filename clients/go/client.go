package pagewire

import (
	"context"
	"errors"
	"time"

	pb "pagewire.dev/client/internal/pagewirev1"
)

const (
	// defaultDeadline applies to calls whose context has no deadline. Exceeding it is DEADLINE.
	defaultDeadline = 30 * time.Second
	// listPageSize is the page size of the list calls.
	listPageSize = 1000
)

// A Client is a connection to a daemon. All methods may be called concurrently from any goroutine, and
// from inside handlers. No call is retried.
//
// Sequential sends reach a page in the order of the calls, each at most once. Messages are not stored for
// pages that connect later.
//
// A lost connection is re-established on the next call. A client therefore survives a restart of its
// daemon on the same endpoint if its token stays valid; subscriptions end with the connection.
type Client struct {
	// conn is nil in the client that unconnected returns.
	conn  *connection
	rpc   pb.ControlServiceClient
	sends *sendStream
}

// Connect connects and calls the daemon once, so that a wrong address or token is noticed here. An
// endpoint without a token gets the token of your own daemon at that address, if there is one. Connect takes at
// most 5 s.
//
// The error is a [ConnectError] when there is no response or the server is not a daemon, and an [Error]
// when the daemon refuses the token (TOKEN_MISSING, TOKEN_INVALID) or is STARTING or STOPPING.
func Connect(ctx context.Context, endpoint Endpoint) (*Client, error) {
	if endpoint.isZero() {
		return nil, &EndpointError{"", "is the zero value (pass the result of ParseEndpoint or FindEndpoint)"}
	}
	conn, err := dial(endpoint.withDiscoveredToken())
	if err != nil {
		return nil, err
	}
	client := &Client{conn: conn, rpc: pb.NewControlServiceClient(conn)}
	client.sends = newSendStream(client.rpc)
	firstCall, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	_, err = client.Info(firstCall)
	if err == nil {
		return client, nil
	}
	client.Close()
	if refused, ok := errors.AsType[*Error](err); ok {
		timedOut := firstCall.Err() != nil && ctx.Err() == nil
		if ctx.Err() != nil || refused.Reason != "" && !timedOut {
			return nil, err
		}
		if timedOut {
			err = errors.New("no response within 5 s")
		}
	}
	if cause := conn.dialError.Load(); cause != nil {
		err = *cause
	} else if lost, ok := errors.AsType[*DisconnectedError](err); ok {
		err = lost.Err
	}
	return nil, &ConnectError{endpoint.String(), err}
}

// Find connects to the daemon that PAGEWIRE_ENDPOINT names, else to the one for the current folder: see
// [FindEndpoint].
func Find(ctx context.Context) (*Client, error) {
	endpoint, err := FindEndpoint()
	if err != nil {
		return nil, err
	}
	return Connect(ctx, endpoint)
}

// Close closes the connection; pending calls fail. A plugin's client is closed with its session.
func (c *Client) Close() error {
	c.sends.close()
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// Info returns the version, features and limits of the daemon.
func (c *Client) Info(ctx context.Context) (*ServerInfo, error) {
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
	defer cancel()
	info, err := c.rpc.GetServerInfo(ctx, &pb.GetServerInfoRequest{})
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return serverInfoFrom(info), nil
}

// Sockets returns the ready sockets that match the filter, or all connected sockets if it is nil.
func (c *Client) Sockets(ctx context.Context, filter *SocketFilter) ([]Socket, error) {
	list, err := c.ListSockets(ctx, filter)
	if err != nil {
		return nil, err
	}
	return list.Sockets, nil
}

// ListSockets is like [Client.Sockets], and also returns the position of the snapshot: a subscription that resumes
// after that position misses no later event.
func (c *Client) ListSockets(ctx context.Context, filter *SocketFilter) (*SocketList, error) {
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
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

// Plugins returns configured plugins and live sessions, in the order in which their hooks are called.
func (c *Client) Plugins(ctx context.Context) ([]PluginInfo, error) {
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
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

// Stale selects cached results of hooks for [Client.Invalidate]: those that match any of its fields. The
// daemon refuses the zero Stale (FIELD_INVALID).
type Stale struct {
	// All selects all results of all plugins.
	All bool
	// Paths selects results for these URL paths, each beginning with /; the query is ignored.
	Paths []string
	// Prefixes selects results for URL paths with any of these prefixes.
	Prefixes []string
	// Files selects results that depend on any of these files. Relative paths are resolved against the current
	// folder of the program.
	Files []string
	// RefreshPages also refreshes the pages that use any of these results, as in watch mode: their
	// stylesheets are swapped, or else they reload.
	RefreshPages bool
}

// Invalidate invalidates cached results of hooks and returns their number. Results of calls that started
// before it returns are not cached.
func (c *Client) Invalidate(ctx context.Context, stale Stale) (int, error) {
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
	defer cancel()
	files := make([]string, 0, len(stale.Files))
	for _, file := range stale.Files {
		files = append(files, absolutePath(file))
	}
	response, err := c.rpc.Invalidate(ctx, &pb.InvalidateRequest{
		All:          stale.All,
		ExactPaths:   stale.Paths,
		PathPrefixes: stale.Prefixes,
		FilePaths:    files,
		RefreshPages: stale.RefreshPages,
	})
	if err != nil {
		return 0, fromRPC(ctx, err)
	}
	return int(response.GetEntriesForgotten()), nil
}

// withDefaultDeadline returns a context with the given deadline, unless it has one already.
func withDefaultDeadline(ctx context.Context, deadline time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, deadline)
}

// size converts a number to the contract's type. Negative numbers become 0, which means the default.
func size(number int) uint32 { return uint32(min(max(number, 0), 1<<32-1)) }

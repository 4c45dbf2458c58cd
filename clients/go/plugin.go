package pagewire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// launchIDVariable names the environment variable with the launch id, by which the daemon matches a session to the
// process it spawned.
const launchIDVariable = "PAGEWIRE_LAUNCH_ID"

// reservedPrefix begins the types of messages between the daemon and its pages, which plugins do not receive.
const reservedPrefix = "pagewire:"

// reconnectDelays are the delays before reconnect attempts. The last one applies to all further attempts.
var reconnectDelays = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second}

// A Plugin is a plugin: its name and its handlers. It must not be changed while it runs.
//
// A handler that fails or panics never ends the plugin: errors of hooks (Serve, Transform, ResolveImport) are
// shown in the page, those of OnRequest are sent to the page, and all are logged, with the stack of a panic. The
// exceptions are ServerStart and ServerStop, whose errors end Run.
//
// Events of one socket are handled sequentially, in order; those of different sockets, and all calls of hooks,
// concurrently. At most 256 event handlers run; at the limit no event is read. A plugin that falls behind further
// than the daemon's buffer allows is disconnected (SUBSCRIBER_SLOW), and reconnects.
type Plugin struct {
	// Name is unique among the connected plugins: [a-z][a-z0-9-]{0,62}. The daemon's configuration and its
	// order of plugins are keyed by it. Empty = the daemon generates one.
	Name string
	// Version is the plugin's version, for people.
	Version string
	// RequiredFeatures are features without which the daemon refuses the plugin (FEATURE_UNSUPPORTED).
	RequiredFeatures []string
	// InjectWebSocket requests the injection of the socket client into HTML pages, so that they connect.
	// The daemon's --inject takes precedence.
	InjectWebSocket bool
	// ReplaceExisting replaces a connected plugin of the same name. Otherwise a name that is taken is an
	// error (PLUGIN_NAME_TAKEN).
	ReplaceExisting bool
	// Endpoint is the daemon's endpoint. Zero = it is discovered: see [FindEndpoint].
	Endpoint Endpoint
	// Logger gets the plugin's log: its connections and the errors of its handlers. nil = [slog.Default], which by
	// default writes to standard error; a logger with [slog.DiscardHandler] silences the plugin.
	Logger *slog.Logger
	// NoSignalHandling leaves SIGINT and SIGTERM to the program, which stops the plugin with the context of Run.
	// Otherwise Run and RunOnce handle them.
	NoSignalHandling bool

	// ServerStart is called once all hooks of the plugin are open, and again after each reconnect. Calls and events
	// wait until it has returned: events as long as it takes, a call of a hook at most 10 s, and until 0.5 s before
	// its deadline; then the page gets status 503. So start long work in a goroutine, which the context ends with
	// the session.
	ServerStart func(ctx context.Context, session *Session) error
	// ServerStop is called when the daemon stops or the program stops the plugin, before Run returns or the
	// plugin reconnects. It has the daemon's grace period, or 2 s when the program stops the plugin. Not called when
	// the connection is lost.
	ServerStop func(ctx context.Context, client *Client) error

	// Serve answers requests.
	Serve *ServeHook
	// Transform changes responses.
	Transform *TransformHook
	// ResolveImport maps the specifiers that modules import.
	ResolveImport *ResolveImportHook

	// OnMessage has a handler for each type of message.
	OnMessage map[string]MessageHandler
	// OnRequest has a handler for each type of request. A type has a handler here or in OnMessage, not in
	// both.
	OnRequest map[string]RequestHandler
	// OnSocketOpened is called for every socket that opens, before its page has sent its hello.
	OnSocketOpened SocketHandler
	// OnSocketReady is called once for every socket that becomes ready, that is, when its page has sent its
	// hello. Sockets that were ready when the plugin started are in [Session.Sockets].
	OnSocketReady SocketHandler
	// OnSocketClosed is called for every socket that closes, after its messages.
	OnSocketClosed func(ctx context.Context, closed *SocketClosed, client *Client) error

	running sync.Mutex
}

// A MessageHandler is called for every message of its type. The context ends with the session.
type MessageHandler func(ctx context.Context, message *Message, client *Client) error

// A RequestHandler is called for every request of its type that a page makes with
// sendMessageWaitForResponse. It replies with the value, as package json encodes it (a [json.RawMessage]
// reaches the page unchanged), or with the error. The page waits up to 20 s. The handler is also called for a
// plain message of this type (one that expects no reply); its result is discarded. The context ends with the
// session.
type RequestHandler func(ctx context.Context, request *Message, client *Client) (any, error)

// A SocketHandler is called with a socket. The context ends with the session.
type SocketHandler func(ctx context.Context, socket *Socket, client *Client) error

// Run runs the plugin until the context is done or the program gets SIGINT (Ctrl-C) or SIGTERM, which stops it
// gracefully: running handlers may finish, ServerStop is called, the session is ended, and Run returns nil, all
// within 2 s. After that nothing in the daemon waits for the plugin, and its name is free. A second signal ends the
// program at once. [Plugin.NoSignalHandling] is for programs that handle signals themselves.
//
// When the connection is lost or the daemon stops, the plugin reconnects after 0.2, 0.5, 1, 2, and then every
// 5 s, without limit, and logs the reason. A discovered daemon is discovered again each
// time, and only one that serves the same folders is accepted. Permanent refusals end Run with an [Error]:
// UNAUTHENTICATED (unless the token was discovered), INVALID_ARGUMENT, FAILED_PRECONDITION, REPLACED, and at
// the first attempt PLUGIN_NAME_TAKEN. Run also returns an error when the first attempt finds no daemon, and a
// [PluginError] when ServerStart or ServerStop fails.
//
// A plugin that the daemon spawned does not reconnect: Run returns nil when the daemon stops, and at the end of
// standard input, so the rest of the program must not read standard input.
func (p *Plugin) Run(ctx context.Context) error { return p.run(ctx, true) }

// RunOnce is Run without reconnecting: it returns nil when the daemon stops, and a [DisconnectedError] when
// the connection is lost.
func (p *Plugin) RunOnce(ctx context.Context) error { return p.run(ctx, false) }

func (p *Plugin) run(ctx context.Context, reconnects bool) error {
	if !p.running.TryLock() {
		return p.invalid("it is already running (create one for each run)")
	}
	defer p.running.Unlock()
	hooks, err := p.hooks()
	if err != nil {
		return err
	}
	for _, hook := range hooks {
		if !hook.live.use(hook.filters) {
			return p.invalid(hook.name + " belongs to a plugin that is already running (create a hook for each)")
		}
		defer hook.live.release()
	}

	if !p.NoSignalHandling {
		var stop func()
		ctx, stop = untilSignal(ctx)
		defer stop()
	}
	launchID := ""
	if p.Endpoint.isZero() {
		launchID = envVariable(launchIDVariable)
	}
	if launchID != "" {
		reconnects = false
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		defer stop()
		go func() {
			// A read error counts as the end.
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}

	// lastRoots are the folders of the last daemon with which the plugin was ready; attempts counts the
	// attempts since then.
	var lastRoots []string
	attempts := 0
	for {
		roots, err := p.attempt(ctx, launchID, hooks, lastRoots)
		if roots != nil {
			lastRoots, attempts = roots, 0
		}
		if ctx.Err() != nil && !isPluginError(err) {
			return nil
		}
		if !reconnects || err != nil && p.isFinal(err, lastRoots != nil) {
			return err
		}
		delay := reconnectDelays[min(attempts, len(reconnectDelays)-1)]
		if roots != nil {
			p.logger().Warn(fmt.Sprintf("lost the daemon: %s; connecting again in %g s", lossReason(err), delay.Seconds()))
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil
		}
		attempts++
	}
}

// attempt runs one session, and returns the folders of the daemon if the plugin became ready. With lastRoots, only a
// daemon that serves these is discovered.
func (p *Plugin) attempt(ctx context.Context, launchID string, hooks []declaredHook, lastRoots []string) (roots []string, err error) {
	endpoint := p.Endpoint
	if endpoint.isZero() {
		if endpoint, err = findEndpoint(lastRoots); err != nil {
			return nil, err
		}
	}
	client, err := Connect(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return p.session(ctx, client, launchID, hooks, lastRoots != nil)
}

// lossReason describes the error of a session that ended, which is nil when the daemon has stopped.
func lossReason(err error) string {
	if err == nil {
		return "it has stopped"
	}
	if lost, ok := errors.AsType[*DisconnectedError](err); ok {
		err = lost.Err
	}
	return err.Error()
}

// logger returns the logger to use now: the program may set another default at any time.
func (p *Plugin) logger() *slog.Logger {
	if p.Logger != nil {
		return p.Logger
	}
	return slog.Default()
}

func isPluginError(err error) bool {
	_, ok := errors.AsType[*PluginError](err)
	return ok
}

// isFinal reports whether no further attempt is made after an error. wasReady is whether the plugin has been ready
// in an earlier session.
func (p *Plugin) isFinal(err error, wasReady bool) bool {
	if _, lost := errors.AsType[*DisconnectedError](err); lost {
		return false
	}
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		// There is no daemon, or it does not respond; a daemon that was ready before may be restarting.
		return !wasReady || isPluginError(err)
	}
	switch refused.Code {
	case codes.Unauthenticated:
		return !wasReady || p.namesToken()
	case codes.InvalidArgument, codes.FailedPrecondition:
		// SESSION_GONE: the session was lost while its hooks were being opened.
		return !wasReady || refused.Reason != "SESSION_GONE"
	case codes.Unavailable:
		return false
	case codes.AlreadyExists:
		// After a reconnect, the daemon may not have noticed the end of this plugin's previous session yet.
		return !wasReady
	}
	return !wasReady || refused.Reason == "REPLACED"
}

// namesToken reports whether the token was named explicitly. A discovered token may belong to the previous run of the
// daemon, so it is discovered again.
func (p *Plugin) namesToken() bool {
	if p.Endpoint.isZero() {
		return envVariable(endpointVariable) != "" && envVariable(tokenVariable) != ""
	}
	return p.Endpoint.token != ""
}

// hooks returns the plugin's hooks, or an error if the plugin is invalid.
func (p *Plugin) hooks() ([]declaredHook, error) {
	var hooks []declaredHook
	if p.Serve != nil {
		hooks = append(hooks, p.Serve.declare())
	}
	if p.Transform != nil {
		hooks = append(hooks, p.Transform.declare())
	}
	if p.ResolveImport != nil {
		hooks = append(hooks, p.ResolveImport.declare())
	}
	for _, hook := range hooks {
		if hook.filters == nil && !hook.live.isSet() {
			return nil, p.invalid(hook.name + " has no Filters (use MatchAll to match everything)")
		}
		if !hook.handled {
			return nil, p.invalid(hook.name + " has no Handler")
		}
	}
	for kind := range p.OnRequest {
		if _, twice := p.OnMessage[kind]; twice {
			return nil, p.invalid(fmt.Sprintf("messages of type `%s` have a handler in OnMessage and in OnRequest (remove one)", kind))
		}
	}
	for kind, handler := range p.OnMessage {
		if err := p.checkType("OnMessage", kind, handler != nil); err != nil {
			return nil, err
		}
	}
	for kind, handler := range p.OnRequest {
		if err := p.checkType("OnRequest", kind, handler != nil); err != nil {
			return nil, err
		}
	}
	return hooks, nil
}

// checkType returns an error if messages of this type have no handler or are never received.
func (p *Plugin) checkType(field, kind string, handled bool) error {
	if strings.HasPrefix(kind, reservedPrefix) {
		return p.invalid(fmt.Sprintf("%s has the type `%s`, which is never received (types that begin with `%s` are reserved)", field, kind, reservedPrefix))
	}
	if !handled {
		return p.invalid(fmt.Sprintf("the handler of type `%s` in %s is nil (set or remove it)", kind, field))
	}
	return nil
}

func (p *Plugin) invalid(problem string) error { return &PluginError{Plugin: p.Name, Problem: problem} }

func (p *Plugin) hasEventHandlers() bool {
	return len(p.OnMessage) > 0 || len(p.OnRequest) > 0 || p.hasSocketHandlers()
}

func (p *Plugin) hasSocketHandlers() bool {
	return p.OnSocketOpened != nil || p.OnSocketReady != nil || p.OnSocketClosed != nil
}

func (p *Plugin) startRequest(launchID string, hooks []declaredHook) *pb.ServerStartRequest {
	request := &pb.ServerStartRequest{
		PluginName:       p.Name,
		PluginVersion:    p.Version,
		RequiredFeatures: p.RequiredFeatures,
		ReplaceExisting:  p.ReplaceExisting,
		InjectWebSocket:  p.InjectWebSocket,
		LaunchId:         launchID,
	}
	for _, hook := range hooks {
		request.Hooks = append(request.Hooks, hook.kind)
	}
	if p.hasEventHandlers() {
		request.Hooks = append(request.Hooks, pb.Hook_HOOK_SUBSCRIBE_MESSAGES)
	}
	return request
}

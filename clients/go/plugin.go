package pagewire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// launchIDVariable ties a process that the daemon spawned to its session.
const launchIDVariable = "PAGEWIRE_LAUNCH_ID"

// comingBack are the times to wait before each attempt to connect again; the last one counts for all that
// follow.
var comingBack = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second}

// A Plugin is a program that takes part in the daemon's work: its name, and what it does when something
// happens. Nothing in it may change while it runs.
//
// A handler that fails or panics never ends the plugin: the hooks (Serve, Transform, ResolveImport) show the failure
// in the page, OnRequest tells it the page, all others write it to standard error. The exceptions are ServerStart
// and ServerStop, whose errors end Run.
//
// Events of one socket are handled one after the other, in order; those of different sockets, and all calls of
// hooks, at the same time. At most 256 event handlers run; beyond that no event is read. A plugin that falls
// behind by more than the daemon buffers is cut off (SUBSCRIBER_SLOW), and comes back.
type Plugin struct {
	// Name is one that no other live plugin has: [a-z][a-z0-9-]{0,62}. The daemon's configuration and its
	// order of plugins are keyed by it. Empty = the daemon makes one.
	Name string
	// Version is the plugin's, for people.
	Version string
	// RequiredFeatures are those of the daemon without which it refuses the plugin (FEATURE_UNSUPPORTED).
	RequiredFeatures []string
	// InjectWebSocket has the socket client put into HTML pages, so that they connect. The daemon's
	// --inject wins over it.
	InjectWebSocket bool
	// ReplaceExisting takes the name over from a live plugin. Else its being taken is an error
	// (PLUGIN_NAME_TAKEN).
	ReplaceExisting bool
	// Endpoint is the daemon's. Zero = it is found: see [FindEndpoint].
	Endpoint Endpoint

	// ServerStart is called when all hooks of the plugin are in force; again each time that it came back.
	// Hooks and event handlers may be called before it returns.
	ServerStart func(ctx context.Context, session *Session) error
	// ServerStop is called when the daemon stops or the program ends the plugin, before Run returns or the
	// plugin comes back. It has 2 s, or what the daemon grants. Not called when the connection is lost.
	ServerStop func(ctx context.Context, client *Client) error

	// Serve answers requests.
	Serve *ServeHook
	// Transform changes responses.
	Transform *TransformHook
	// ResolveImport says what modules import.
	ResolveImport *ResolveImportHook

	// OnMessage has a handler for each type of message that pages send.
	OnMessage map[string]MessageHandler
	// OnRequest has a handler for each type of request that pages make. A type has a handler here or in
	// OnMessage, not in both.
	OnRequest map[string]RequestHandler
	// OnSocketOpened is called for every socket that opens, at once: its page may not have said what it is.
	OnSocketOpened SocketHandler
	// OnSocketReady is called for every socket that becomes ready, once: its page has said what it is. Sockets
	// that were ready when the plugin started are in [Session.Sockets].
	OnSocketReady SocketHandler
	// OnSocketClosed is called for every socket that closes, after its messages.
	OnSocketClosed func(ctx context.Context, closed *SocketClosed, client *Client) error

	running sync.Mutex
}

// A MessageHandler is called for every message of its type. The context ends with the session.
type MessageHandler func(ctx context.Context, message *Message, client *Client) error

// A RequestHandler is called for every request of its type that a page makes with
// sendMessageWaitForResponse, and answers it: with the value, as package json encodes it (a [json.RawMessage]
// reaches the page as it is), or with the error. The page waits up to 20 s. A message of the type that is
// no request has its handler called, and no answer. The context ends with the session.
type RequestHandler func(ctx context.Context, request *Message, client *Client) (any, error)

// A SocketHandler is called with a socket. The context ends with the session.
type SocketHandler func(ctx context.Context, socket *Socket, client *Client) error

// Run runs the plugin until the context is done, which withdraws it in order: handlers that run may
// finish, ServerStop is called, the session is ended, and Run returns nil, all within 2 s. Then nothing in the daemon
// waits for the plugin any more, and its name is free.
//
// When the connection is lost or the daemon stops, it comes back after 0.2, 0.5, 1, 2, and then every 5
// seconds, for ever, and says so on standard error. The daemon is found anew each time: of those that discovery
// knows, only one that serves the same folders as before. What the daemon refuses for good ends it with that
// error: an [Error] with UNAUTHENTICATED (unless the token was found), INVALID_ARGUMENT, FAILED_PRECONDITION, REPLACED, or at the first
// attempt PLUGIN_NAME_TAKEN. Nor does it come back from a first attempt that finds no daemon, and when ServerStart
// or ServerStop fails, which is a [PluginError].
//
// A plugin that the daemon spawned does not come back: Run returns nil when the daemon stops, and when
// standard input ends. Nothing else may read that then.
func (p *Plugin) Run(ctx context.Context) error { return p.run(ctx, true) }

// RunOnce is Run without coming back: it returns nil when the daemon stops, and a [DisconnectedError] when the
// connection is lost.
func (p *Plugin) RunOnce(ctx context.Context) error { return p.run(ctx, false) }

func (p *Plugin) run(ctx context.Context, comesBack bool) error {
	if !p.running.TryLock() {
		return p.wrong("it runs already (make one for each run)")
	}
	defer p.running.Unlock()
	hooks, err := p.hooks()
	if err != nil {
		return err
	}
	for _, hook := range hooks {
		if !hook.live.use(hook.filters) {
			return p.wrong(hook.name + " is of a plugin that runs already (make a hook for each)")
		}
		defer hook.live.release()
	}

	launchID := ""
	if p.Endpoint.isZero() {
		launchID = variable(launchIDVariable)
	}
	if launchID != "" {
		comesBack = false
		var leave context.CancelFunc
		ctx, leave = context.WithCancel(ctx)
		defer leave()
		go func() {
			// What cannot be read has ended too.
			_, _ = io.Copy(io.Discard, os.Stdin)
			leave()
		}()
	}

	// home are the folders that its daemon served when it was up last; attempts counts those since then.
	var home []string
	attempts := 0
	for {
		served, err := p.attempt(ctx, launchID, hooks, home)
		if served != nil {
			home, attempts = served, 0
		}
		if ctx.Err() != nil && !isPluginError(err) {
			return nil
		}
		if !comesBack || err != nil && p.isFinal(err, home != nil) {
			return err
		}
		if served != nil {
			why := "the daemon has stopped"
			if err != nil {
				why = err.Error()
			}
			fmt.Fprintf(os.Stderr, "plugin `%s`: %s; it comes back when its daemon does\n", p.Name, why)
		}
		select {
		case <-time.After(comingBack[min(attempts, len(comingBack)-1)]):
		case <-ctx.Done():
			return nil
		}
		attempts++
	}
}

// attempt runs one session; if that came to be ready, served are its daemon's folders. A daemon that has to be found
// is one that serves the folders of home, if there are any.
func (p *Plugin) attempt(ctx context.Context, launchID string, hooks []declaredHook, home []string) (served []string, err error) {
	endpoint := p.Endpoint
	if endpoint.isZero() {
		if endpoint, err = findEndpoint(home); err != nil {
			return nil, err
		}
	}
	client, err := Connect(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return p.session(ctx, client, launchID, hooks)
}

func isPluginError(err error) bool {
	_, is := errors.AsType[*PluginError](err)
	return is
}

// isFinal tells whether there is no use in coming back from an error.
func (p *Plugin) isFinal(err error, been bool) bool {
	if _, lost := errors.AsType[*DisconnectedError](err); lost {
		return false
	}
	refused, is := errors.AsType[*Error](err)
	if !is {
		// No daemon, one that does not answer: it may come back where it was before.
		return !been || isPluginError(err)
	}
	switch refused.Code {
	case codes.Unauthenticated:
		return !been || p.namesToken()
	case codes.InvalidArgument, codes.FailedPrecondition:
		// A session that is lost while its hooks are opened is seen by these first.
		return !been || refused.Reason != "SESSION_GONE"
	case codes.Unavailable:
		return false
	case codes.AlreadyExists:
		// Later the daemon may not have noticed yet that our own session is over.
		return !been
	}
	return !been || refused.Reason == "REPLACED"
}

// namesToken tells whether the token is named. One that was found may be of the daemon before, and is found anew.
func (p *Plugin) namesToken() bool {
	if p.Endpoint.isZero() {
		return variable(endpointVariable) != "" && variable(tokenVariable) != ""
	}
	return p.Endpoint.token != ""
}

// hooks are those that the plugin has, if it is put together rightly.
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
		if hook.filters == nil && !hook.live.isSet {
			return nil, p.wrong(hook.name + " has no Filters (MatchAll is everything)")
		}
		if !hook.handled {
			return nil, p.wrong(hook.name + " has no Handler")
		}
	}
	for kind := range p.OnRequest {
		if _, twice := p.OnMessage[kind]; twice {
			return nil, p.wrong(fmt.Sprintf("messages `%s` have a handler in OnMessage and in OnRequest (keep one)", kind))
		}
	}
	return hooks, nil
}

func (p *Plugin) wrong(problem string) error { return &PluginError{Plugin: p.Name, Problem: problem} }

func (p *Plugin) listens() bool {
	return len(p.OnMessage) > 0 || len(p.OnRequest) > 0 || p.wantsSockets()
}

func (p *Plugin) wantsSockets() bool {
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
	if p.listens() {
		request.Hooks = append(request.Hooks, pb.Hook_HOOK_SUBSCRIBE_MESSAGES)
	}
	return request
}

package pagewire

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pb "pagewire.dev/client/internal/pagewirev1"
)

const (
	// endReasonTimeout limits how long to wait, after a hook's stream has ended, for the session's stream to
	// report why the session ended. If it reports nothing in time, the hook's own error is used.
	endReasonTimeout = time.Second
	// defaultGrace is the time that handlers have to finish, unless the daemon sets another one. After it they
	// are canceled.
	defaultGrace = 2 * time.Second
	// startWait limits how long a call waits for ServerStart. After it the call fails with status 503.
	startWait = 10 * time.Second
	// startMargin is the time before its deadline at which a call stops waiting for ServerStart, so that the page
	// gets the plugin's explanation instead of a timeout.
	startMargin = 500 * time.Millisecond
)

// A Session is a running plugin's view of its daemon: a snapshot from the start of the session, and a client for
// the current state.
type Session struct {
	// Client is the plugin's connection, which is closed with the session.
	Client *Client
	// PluginName is the plugin's name in the daemon.
	PluginName string
	// ServerInfo has the version, features and limits of the daemon.
	ServerInfo *ServerInfo
	// Server is ServerInfo.
	//
	// Deprecated: use ServerInfo.
	Server *ServerInfo
	// Sockets are the sockets that were connected when the session started, at most 1,000.
	Sockets []Socket
	// SocketsTruncated is whether there were more sockets; [Client.Sockets] lists all of them.
	SocketsTruncated bool
	// Position is the position in the event log at which Sockets was taken; a subscription that resumes there
	// misses nothing.
	Position Position
	// RootDirs are the absolute paths of the served folders on the daemon's machine.
	RootDirs []string
	// ScratchDir is the absolute path of a folder that belongs to this session and is removed with it.
	// [Content.File] may name files in it.
	ScratchDir string
	// ConfigJSON is the plugin's section of the daemon's configuration, which [Session.Config] decodes. Empty = none.
	ConfigJSON string

	plugin *Plugin
	// id associates streams with the session. It is a secret.
	id string
	// started is closed once ServerStart has returned without an error, at once if the plugin has none.
	started chan struct{}
}

// Config decodes the plugin's section of the daemon's configuration, and returns whether there is one.
func (s *Session) Config(to any) (bool, error) {
	if s.ConfigJSON == "" {
		return false, nil
	}
	return true, json.Unmarshal([]byte(s.ConfigJSON), to)
}

// inSession associates a call with the session.
func (s *Session) inSession(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "pagewire-session", s.id)
}

// waitForStart waits until ServerStart has returned. It returns an error when the call's context ends first, and a
// [Failure] when the call has waited for too long.
func (s *Session) waitForStart(call context.Context) error {
	select {
	case <-s.started:
		return nil
	default:
	}
	wait := startWait
	if deadline, ok := call.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-startMargin)
	}
	select {
	case <-s.started:
		return nil
	case <-call.Done():
		return call.Err()
	case <-time.After(wait):
		return &Failure{
			Message: fmt.Sprintf("plugin %q is still starting: ServerStart (server_start) has not returned", s.PluginName),
			Status:  http.StatusServiceUnavailable,
		}
	}
}

func sessionFrom(plugin *Plugin, client *Client, started *pb.ServerStarted) *Session {
	info := serverInfoFrom(started.GetServer())
	return &Session{
		Client:           client,
		PluginName:       started.GetPluginName(),
		ServerInfo:       info,
		Server:           info,
		Sockets:          socketsFrom(started.GetSockets()),
		SocketsTruncated: started.GetSocketsTruncated(),
		Position:         positionFrom(started.GetPosition()),
		RootDirs:         started.GetRootDirs(),
		ScratchDir:       started.GetScratchDir(),
		ConfigJSON:       started.GetConfigJson(),
		plugin:           plugin,
		id:               started.GetSessionId(),
		started:          make(chan struct{}),
	}
}

// session runs one session of a plugin, and returns the folders of the daemon if the plugin became ready. The error
// is nil when the daemon stops or the program stops the plugin. again is whether the plugin was ready in an earlier
// session.
func (p *Plugin) session(ctx context.Context, client *Client, launchID string, declared []declaredHook, again bool) (roots []string, err error) {
	// Handlers and streams outlive ctx by the grace period. Until all hooks are open, ctx and a timeout apply.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer func() { cancel(cmp.Or(err, ErrStopping)) }()
	stopOpening := context.AfterFunc(ctx, func() { cancel(ErrStopping) })
	defer stopOpening()
	timeout := time.AfterFunc(defaultDeadline, func() { cancel(nil) })
	defer timeout.Stop()

	stream, err := client.rpc.ServerStart(work, p.startRequest(launchID, declared))
	if err != nil {
		return nil, fromRPC(work, err)
	}
	first, err := stream.Recv()
	if err != nil {
		return nil, streamEnd(work, err)
	}
	if first.GetStarted() == nil {
		return nil, unexpected("a session that does not start with `started`")
	}
	running := &runningPlugin{
		plugin:  p,
		work:    work,
		session: sessionFrom(p, client, first.GetStarted()),
		events:  make(chan sessionEvent, 1),
		ended:   make(chan error, len(declared)+1),
	}
	if p.ServerStart == nil {
		close(running.session.started)
	}
	go running.read(stream)
	for _, hook := range declared {
		open, err := hook.open(work, running.session)
		if err != nil {
			return nil, running.endReason(err)
		}
		running.hooks = append(running.hooks, open)
	}
	if p.hasEventHandlers() {
		listener, err := listen(work, p, running.session)
		if err != nil {
			return nil, running.endReason(err)
		}
		running.hooks = append(running.hooks, listener)
	}
	if !stopOpening() || !timeout.Stop() {
		return nil, fromContext(work)
	}
	return running.run(ctx, again)
}

// A runningPlugin is a plugin with an open session.
type runningPlugin struct {
	plugin  *Plugin
	session *Session
	hooks   []openHook
	// work is the context of all handlers and streams of the session.
	work context.Context
	// events are the events of the session's stream.
	events chan sessionEvent
	// ended receives the result of each hook's run.
	ended chan error
}

// A sessionEvent is an event of the session's stream, or its end.
type sessionEvent struct {
	ready bool
	// grace is the grace period, set when the daemon stops.
	grace time.Duration
	err   error
}

// read forwards the events of the session's stream, including its end.
func (r *runningPlugin) read(stream grpc.ServerStreamingClient[pb.ServerStartResponse]) {
	for {
		response, err := stream.Recv()
		var event sessionEvent
		switch {
		case errors.Is(err, io.EOF):
			event.grace = defaultGrace
		case err != nil:
			event.err = fromRPC(r.work, err)
		case response.GetReady() != nil:
			event.ready = true
		case response.GetStopping() != nil:
			event.grace = defaultGrace
			if grace := response.GetStopping().GetGrace(); grace != nil {
				event.grace = grace.AsDuration()
			}
		default:
			continue
		}
		select {
		case r.events <- event:
		case <-r.work.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// endReason returns why a hook's stream has ended: the session's error, nil if the daemon stops, or the given error
// if the session does not report a reason in time.
func (r *runningPlugin) endReason(err error) error {
	ctx, cancel := context.WithTimeout(r.work, endReasonTimeout)
	defer cancel()
	for {
		select {
		case event := <-r.events:
			if event.err != nil {
				return event.err
			}
			if event.grace != 0 {
				return nil
			}
		case <-ctx.Done():
			return err
		}
	}
}

// run runs the hooks until the session ends or ctx is done, and shuts down gracefully if possible. It returns the
// folders of the daemon if the plugin became ready.
func (r *runningPlugin) run(ctx context.Context, again bool) (roots []string, err error) {
	for _, hook := range r.hooks {
		go func() { r.ended <- hook.run() }()
	}
	runningHooks := len(r.hooks)
	started := make(chan error, 1)
	for {
		select {
		case <-ctx.Done():
			return roots, r.shutDown(ctx, defaultGrace, runningHooks)
		case event := <-r.events:
			switch {
			case event.err != nil:
				return roots, event.err
			case event.grace != 0:
				return roots, r.shutDown(ctx, event.grace, runningHooks)
			}
			roots = slices.Clone(r.session.RootDirs)
			r.logConnected(again)
			if r.plugin.ServerStart != nil {
				go func() { started <- r.start() }()
			}
		case err := <-started:
			if err != nil {
				return roots, r.failed("ServerStart failed", err)
			}
		case err := <-r.ended:
			runningHooks--
			if err := r.endReason(err); err != nil {
				return roots, err
			}
			return roots, r.shutDown(ctx, defaultGrace, runningHooks)
		}
	}
}

// logConnected logs to which daemon the plugin is connected: the address of its pages, and the plugin's name there.
func (r *runningPlugin) logConnected(again bool) {
	daemon := "the daemon"
	if urls := r.session.ServerInfo.BaseURLs; len(urls) > 0 {
		daemon = strings.TrimSuffix(urls[0], "/")
	}
	if again {
		daemon += " again"
	}
	r.plugin.logger().Info(fmt.Sprintf("connected to %s as %q", daemon, r.session.PluginName))
}

// start calls ServerStart, and then lets the calls and events that wait for it begin.
func (r *runningPlugin) start() error {
	err := guardedCall(func() error { return r.plugin.ServerStart(r.work, r.session) })
	if err == nil {
		close(r.session.started)
	}
	return err
}

// shutDown calls ServerStop and lets the running handlers finish. It ends the session if the program stops the
// plugin (its context is done) rather than the daemon. After the grace period the daemon cancels the streams, so
// unfinished handlers are abandoned.
func (r *runningPlugin) shutDown(program context.Context, grace time.Duration, runningHooks int) error {
	ctx, cancel := context.WithTimeout(r.work, grace)
	defer cancel()
	// Hooks are still called meanwhile, because the stop handler may depend on them.
	if stop := r.plugin.ServerStop; stop != nil {
		stopped := make(chan error, 1)
		go func() { stopped <- guardedCall(func() error { return stop(ctx, r.session.Client) }) }()
		select {
		case err := <-stopped:
			if err != nil {
				return r.failed("ServerStop failed", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
	for _, hook := range r.hooks {
		hook.finish()
	}
	for ; runningHooks > 0; runningHooks-- {
		select {
		case <-r.ended:
		case <-ctx.Done():
			return nil
		}
	}
	if program.Err() != nil {
		// An error means that the session or the connection is already gone.
		_, _ = r.session.Client.rpc.EndSession(ctx, &pb.EndSessionRequest{SessionId: r.session.id})
	}
	return nil
}

func (r *runningPlugin) failed(problem string, err error) error {
	return &PluginError{Plugin: r.session.PluginName, Problem: problem, Err: err}
}

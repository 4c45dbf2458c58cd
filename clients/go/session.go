package pagewire

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pb "pagewire.dev/client/internal/pagewirev1"
)

const (
	// verdictTimeout is how long the session may take to say why a hook's stream ended before it did; then the
	// stream's own error counts. 1 s.
	verdictTimeout = time.Second
	// stopGrace is what handlers get to finish, unless the daemon grants another time; then they are cut. 2 s.
	stopGrace = 2 * time.Second
)

// A Session is a running plugin's view of its daemon: what was true when it began, and the client to ask
// for what is true now.
type Session struct {
	// Client is the connection that the plugin runs on. It closes with the session.
	Client *Client
	// PluginName is what the daemon calls the plugin.
	PluginName string
	// Server tells version, features and limits of the daemon.
	Server *ServerInfo
	// Sockets are those that were connected when the session began, 1,000 at most.
	Sockets []Socket
	// SocketsTruncated tells that there were more: [Client.Sockets] lists them.
	SocketsTruncated bool
	// Position is the instant of Sockets in the event log.
	Position Position
	// RootDirs are the folders being served, absolute, on the daemon's machine.
	RootDirs []string
	// ScratchDir is a folder of this session's own, absolute, removed with it: [Content.File] may name files
	// in it.
	ScratchDir string

	config string
	// id ties hooks to the session. A secret.
	id string
}

// Config decodes the plugin's section of the daemon's configuration; it tells whether there is one.
func (s *Session) Config(to any) (bool, error) {
	if s.config == "" {
		return false, nil
	}
	return true, json.Unmarshal([]byte(s.config), to)
}

// tie makes a call one of the session.
func (s *Session) tie(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "pagewire-session", s.id)
}

func sessionFrom(client *Client, started *pb.ServerStarted) *Session {
	return &Session{
		Client:           client,
		PluginName:       started.GetPluginName(),
		Server:           serverInfoFrom(started.GetServer()),
		Sockets:          socketsFrom(started.GetSockets()),
		SocketsTruncated: started.GetSocketsTruncated(),
		Position:         positionFrom(started.GetPosition()),
		RootDirs:         started.GetRootDirs(),
		ScratchDir:       started.GetScratchDir(),
		config:           started.GetConfigJson(),
		id:               started.GetSessionId(),
	}
}

// session runs a plugin as long as its session lasts; served are the daemon's folders, if the plugin came to be ready.
// The error is nil when the daemon stops or the program ends the plugin.
func (p *Plugin) session(ctx context.Context, client *Client, launchID string, declared []declaredHook) (served []string, err error) {
	// Handlers and streams outlive the program's wish to end, for the grace.
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stopOpening := context.AfterFunc(ctx, cut)
	defer stopOpening()
	late := time.AfterFunc(defaultDeadline, cut)
	defer late.Stop()

	stream, err := client.rpc.ServerStart(work, p.startRequest(launchID, declared))
	if err != nil {
		return nil, fromRPC(work, err)
	}
	first, err := stream.Recv()
	if err != nil {
		return nil, endOf(work, err)
	}
	if first.GetStarted() == nil {
		return nil, unexpected("a session that does not begin with `started`")
	}
	running := &runningPlugin{
		plugin:  p,
		work:    work,
		session: sessionFrom(client, first.GetStarted()),
		events:  make(chan sessionEvent, 1),
		ended:   make(chan error, len(declared)+1),
	}
	go running.read(stream)
	for _, hook := range declared {
		open, err := hook.open(work, running.session)
		if err != nil {
			return nil, running.verdict(err)
		}
		running.hooks = append(running.hooks, open)
	}
	if p.listens() {
		listening, err := listen(work, p, running.session)
		if err != nil {
			return nil, running.verdict(err)
		}
		running.hooks = append(running.hooks, listening)
	}
	if !stopOpening() || !late.Stop() {
		return nil, fromContext(work)
	}
	return running.run(ctx)
}

// A runningPlugin is a session in force.
type runningPlugin struct {
	plugin  *Plugin
	session *Session
	hooks   []openHook
	// work is the context of everything that the session does.
	work context.Context
	// events are the session's own.
	events chan sessionEvent
	// ended has an entry for each hook whose stream is over.
	ended chan error
}

// A sessionEvent is what the daemon says of the session, or its end.
type sessionEvent struct {
	ready bool
	// grace is set when the daemon stops.
	grace time.Duration
	err   error
}

// read hands on the events of the session, the end last.
func (r *runningPlugin) read(stream grpc.ServerStreamingClient[pb.ServerStartResponse]) {
	for {
		response, err := stream.Recv()
		var event sessionEvent
		switch {
		case errors.Is(err, io.EOF):
			event.grace = stopGrace
		case err != nil:
			event.err = fromRPC(r.work, err)
		case response.GetReady() != nil:
			event.ready = true
		case response.GetStopping() != nil:
			event.grace = stopGrace
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

// verdict is what the session says of the end of a hook's stream; the error, if it says nothing.
func (r *runningPlugin) verdict(err error) error {
	patience, cancel := context.WithTimeout(r.work, verdictTimeout)
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
		case <-patience.Done():
			return err
		}
	}
}

// run waits for the end of the session, whoever brings it about, and leaves in order if there is one.
func (r *runningPlugin) run(ctx context.Context) (served []string, err error) {
	for _, hook := range r.hooks {
		go func() { r.ended <- hook.run() }()
	}
	left := len(r.hooks)
	started := make(chan error, 1)
	for {
		select {
		case <-ctx.Done():
			return served, r.leave(ctx, stopGrace, left)
		case event := <-r.events:
			switch {
			case event.err != nil:
				return served, event.err
			case event.grace != 0:
				return served, r.leave(ctx, event.grace, left)
			}
			served = slices.Clone(r.session.RootDirs)
			if start := r.plugin.ServerStart; start != nil {
				go func() { started <- guardedCall(func() error { return start(r.work, r.session) }) }()
			}
		case err := <-started:
			if err != nil {
				return served, r.failed("ServerStart failed", err)
			}
		case err := <-r.ended:
			left--
			if err := r.verdict(err); err != nil {
				return served, err
			}
			return served, r.leave(ctx, stopGrace, left)
		}
	}
}

// leave calls ServerStop, lets what runs finish, and ends the session if the program's context is done: then it is no
// daemon that stops. Beyond the grace the daemon cuts the streams: what is not done by then never will be.
func (r *runningPlugin) leave(program context.Context, grace time.Duration, left int) error {
	ctx, cancel := context.WithTimeout(r.work, grace)
	defer cancel()
	// Hooks go on meanwhile: the stop handler may need what they serve.
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
	for ; left > 0; left-- {
		select {
		case <-r.ended:
		case <-ctx.Done():
			return nil
		}
	}
	if program.Err() != nil {
		// What fails has ended it too: it is gone, or the connection is.
		_, _ = r.session.Client.rpc.EndSession(ctx, &pb.EndSessionRequest{SessionId: r.session.id})
	}
	return nil
}

func (r *runningPlugin) failed(what string, err error) error {
	return &PluginError{Plugin: r.session.PluginName, Problem: what, Err: err}
}

// guardedCall runs a handler that returns an error alone.
func guardedCall(handler func() error) error {
	_, err := guarded(func() (struct{}, error) { return struct{}{}, handler() })
	return err
}

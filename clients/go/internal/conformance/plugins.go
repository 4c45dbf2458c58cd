package main

import (
	"context"
	"encoding/json"
	"errors"

	pagewire "pagewire.dev/client"
)

// pluginFields are the fields of the command `plugin`.
type pluginFields struct {
	Version          string             `json:"version"`
	Inject           bool               `json:"inject"`
	ReplaceExisting  bool               `json:"replace_existing"`
	RequiredFeatures []string           `json:"required_features"`
	Once             bool               `json:"once"`
	OnSocket         bool               `json:"on_socket"`
	Serve            []rule             `json:"serve"`
	Transform        []rule             `json:"transform"`
	ResolveImport    []rule             `json:"resolve_import"`
	OnMessage        map[string]action  `json:"on_message"`
	OnRequest        map[string]action  `json:"on_request"`
	Options          map[string]options `json:"options"`
	Signals          bool               `json:"signals"`
	ServerStart      struct {
		WaitFor string `json:"wait_for"`
	} `json:"server_start"`
}

type options struct {
	Phase                 string   `json:"phase"`
	CallTimeoutMS         int      `json:"call_timeout_ms"`
	MaxConcurrentCalls    int      `json:"max_concurrent_calls"`
	FailureMode           string   `json:"failure_mode"`
	ForwardRequestHeaders []string `json:"forward_request_headers"`
	MaxBodyBytes          int      `json:"max_body_bytes"`
}

func (o options) build() pagewire.HookOptions {
	built := pagewire.HookOptions{
		CallTimeout:           milliseconds(o.CallTimeoutMS),
		MaxConcurrentCalls:    o.MaxConcurrentCalls,
		ForwardRequestHeaders: o.ForwardRequestHeaders,
	}
	if o.FailureMode == "skip" {
		built.FailureMode = pagewire.FailSkipping
	}
	return built
}

// An action describes a handler of a message or request.
type action struct {
	WaitFor       string          `json:"wait_for"`
	ReplyToSender json.RawMessage `json:"reply_to_sender"`
	Broadcast     json.RawMessage `json:"broadcast"`
	Answer        json.RawMessage `json:"answer"`
	AnswerText    bool            `json:"answer_text"`
	Throw         *string         `json:"throw"`
	Hang          bool            `json:"hang"`
}

// A runningPlugin is a plugin that was started.
type runningPlugin struct {
	*pagewire.Plugin
	stop  context.CancelFunc
	ended chan struct{}
}

// plugin runs a plugin, and returns once it has started or ended.
func (r *runner) plugin(c *command) (any, error) {
	started := make(chan *pagewire.Session, 1)
	plugin := r.buildPlugin(c, started)
	ctx, stop := context.WithCancel(r.ctx)
	running := &runningPlugin{plugin, stop, make(chan struct{})}
	r.mu.Lock()
	plugin.Endpoint = r.endpoint
	r.plugins[c.Name] = running
	r.mu.Unlock()
	failed := make(chan error, 1)
	r.running.Go(func() {
		run := plugin.Run
		if c.Once {
			run = plugin.RunOnce
		}
		err := run(ctx)
		ended := map[string]any{"event": "ended", "plugin": c.Name}
		if err != nil {
			ended["error"] = errorOf(err)
		}
		emit(ended)
		failed <- err
		close(running.ended)
	})
	select {
	case session := <-started:
		return map[string]any{"plugin_name": session.PluginName, "sockets": socketIDs(session)}, nil
	case err := <-failed:
		if err == nil {
			err = errors.New("the plugin ended before it started")
		}
		return nil, err
	}
}

func (r *runner) buildPlugin(c *command, started chan<- *pagewire.Session) *pagewire.Plugin {
	plugin := &pagewire.Plugin{
		Name: c.Name, Version: c.Version, RequiredFeatures: c.RequiredFeatures,
		NoSignalHandling: !c.Signals,
		InjectWebSocket:  c.Inject, ReplaceExisting: c.ReplaceExisting,
		ServerStart: func(ctx context.Context, session *pagewire.Session) error {
			if c.ServerStart.WaitFor != "" {
				emit(map[string]any{"event": "starting", "plugin": c.Name})
			}
			if err := r.waitFor(ctx, c.ServerStart.WaitFor); err != nil {
				return err
			}
			emit(map[string]any{"event": "started", "plugin": c.Name, "sockets": socketIDs(session)})
			select {
			case started <- session:
			default: // It reconnected.
			}
			return nil
		},
		ServerStop: func(context.Context, *pagewire.Client) error {
			emit(map[string]any{"event": "stopping", "plugin": c.Name})
			return nil
		},
	}
	r.addHooks(plugin, c)
	if c.OnMessage != nil {
		plugin.OnMessage = map[string]pagewire.MessageHandler{}
	}
	for kind, action := range c.OnMessage {
		plugin.OnMessage[kind] = func(ctx context.Context, message *pagewire.Message, client *pagewire.Client) error {
			_, err := r.act(ctx, action, c.Name, message, client)
			return err
		}
	}
	if c.OnRequest != nil {
		plugin.OnRequest = map[string]pagewire.RequestHandler{}
	}
	for kind, action := range c.OnRequest {
		plugin.OnRequest[kind] = func(ctx context.Context, message *pagewire.Message, client *pagewire.Client) (any, error) {
			return r.act(ctx, action, c.Name, message, client)
		}
	}
	if c.OnSocket {
		emitSocket := func(what string) pagewire.SocketHandler {
			return func(_ context.Context, socket *pagewire.Socket, _ *pagewire.Client) error {
				emit(map[string]any{"event": "socket", "plugin": c.Name, "what": what, "socket_id": socket.SocketID})
				return nil
			}
		}
		plugin.OnSocketOpened, plugin.OnSocketReady = emitSocket("opened"), emitSocket("ready")
		plugin.OnSocketClosed = func(_ context.Context, closed *pagewire.SocketClosed, _ *pagewire.Client) error {
			emit(map[string]any{"event": "socket", "plugin": c.Name, "what": "closed", "socket_id": closed.SocketID})
			return nil
		}
	}
	return plugin
}

func (r *runner) act(ctx context.Context, a action, plugin string, message *pagewire.Message, client *pagewire.Client) (any, error) {
	emit(map[string]any{
		"event": "message", "plugin": plugin, "socket_id": message.SocketID, "type": message.Type, "text": message.Text,
	})
	if err := r.waitFor(ctx, a.WaitFor); err != nil {
		return nil, err
	}
	switch {
	case a.Throw != nil:
		return nil, errors.New(*a.Throw)
	case a.Hang:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if a.ReplyToSender != nil {
		if _, err := client.Send(ctx, pagewire.ToSocket(message.SocketID), a.ReplyToSender); err != nil {
			return nil, err
		}
	}
	if a.Broadcast != nil {
		if _, err := client.Send(ctx, pagewire.ToAll().Excluding(message.SocketID), a.Broadcast); err != nil {
			return nil, err
		}
	}
	if a.AnswerText {
		return message.Text, nil
	}
	return a.Answer, nil
}

func (r *runner) stop(name string) error {
	r.mu.Lock()
	running := r.plugins[name]
	r.mu.Unlock()
	if running == nil {
		return unknown("plugin", name)
	}
	running.stop()
	<-running.ended
	return nil
}

func (r *runner) stopAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, running := range r.plugins {
		running.stop()
	}
}

func (r *runner) setFilters(ctx context.Context, c *command) error {
	r.mu.Lock()
	running := r.plugins[c.Plugin]
	r.mu.Unlock()
	if running == nil {
		return unknown("plugin", c.Plugin)
	}
	var filters []pagewire.Filter
	for _, filter := range c.Filters {
		filters = append(filters, filter.build())
	}
	switch c.Hook {
	case "serve":
		return running.Serve.SetFilters(ctx, filters...)
	case "transform":
		return running.Transform.SetFilters(ctx, filters...)
	case "resolve_import":
		return running.ResolveImport.SetFilters(ctx, filters...)
	}
	return unknown("hook", c.Hook)
}

func socketIDs(session *pagewire.Session) []string {
	ids := []string{}
	for _, socket := range session.Sockets {
		ids = append(ids, socket.SocketID)
	}
	return ids
}

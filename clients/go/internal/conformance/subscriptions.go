package main

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	pagewire "pagewire.dev/client"
)

// A subscription is a subscription and its client.
type subscription struct {
	*pagewire.Subscription
	client *pagewire.Client
	// unsubscribed is set by `unsubscribe`: the end of the subscription is then not written.
	unsubscribed atomic.Bool
	ended        chan struct{}
}

func (r *runner) subscribe(c *command, client *pagewire.Client) (any, error) {
	options := pagewire.SubscribeOptions{
		Messages:     slices.Contains(c.Kinds, "messages") && len(c.Types) == 0,
		MessageTypes: c.Types,
		Sockets:      slices.Contains(c.Kinds, "sockets"),
		Console:      slices.Contains(c.Kinds, "console"),
		PageErrors:   slices.Contains(c.Kinds, "page_errors"),
		Files:        slices.Contains(c.Kinds, "files"),
		Strict:       c.Strict,
		MaxQueue:     c.MaxQueue,
	}
	if c.URL != "" {
		options.From = &pagewire.SocketFilter{URL: c.URL}
	}
	r.mu.Lock()
	last := r.subscriptions[c.Name]
	r.mu.Unlock()
	var opened *pagewire.Subscription
	var err error
	switch {
	case c.Resume && last == nil:
		return nil, unknown("subscription", c.Name)
	case c.Resume && last.client == client && !c.Strict:
		opened, err = last.Resume(r.ctx)
	default:
		if c.Resume {
			position := last.Position()
			options.ResumeAfter = &position
		}
		opened, err = client.Subscribe(r.ctx, options)
	}
	if err != nil {
		return nil, err
	}
	current := &subscription{Subscription: opened, client: client, ended: make(chan struct{})}
	r.mu.Lock()
	r.subscriptions[c.Name] = current
	r.mu.Unlock()
	go current.read(c.Name)
	return map[string]any{"resumed": opened.Resumed()}, nil
}

func (r *runner) unsubscribe(name string) error {
	r.mu.Lock()
	subscription := r.subscriptions[name]
	r.mu.Unlock()
	if subscription == nil {
		return unknown("subscription", name)
	}
	subscription.unsubscribed.Store(true)
	subscription.Close()
	<-subscription.ended
	return nil
}

// read writes every event of a subscription, and its end.
func (s *subscription) read(name string) {
	defer close(s.ended)
	end := map[string]any{"event": "subscription_ended", "subscription": name}
	for event, err := range s.Events() {
		if err != nil {
			end["error"] = errorOf(err)
			break
		}
		line := map[string]any{"event": "event", "subscription": name, "sequence": event.Position.Sequence}
		switch what := event.What.(type) {
		case *pagewire.Message:
			line["kind"], line["socket_id"], line["text"] = "message", what.SocketID, what.Text
		case *pagewire.SocketOpened:
			line["kind"], line["socket_id"] = "socket_opened", what.Socket.SocketID
		case *pagewire.SocketUpdated:
			line["kind"], line["socket_id"] = "socket_updated", what.Socket.SocketID
		case *pagewire.SocketClosed:
			line["kind"], line["socket_id"] = "socket_closed", what.SocketID
		case *pagewire.ConsoleEntry:
			var args []string
			for _, arg := range what.Args {
				args = append(args, arg.String())
			}
			line["kind"], line["socket_id"], line["text"] = "console", what.SocketID, strings.Join(args, " ")
			line["url"], line["line"], line["column"] = what.URL, what.Line, what.Column
		case *pagewire.PageError:
			line["kind"], line["socket_id"], line["text"] = "page_error", what.SocketID, what.Exception.Error()
			if what.FailedResource != nil {
				line["failed_resource"] = failedResource(what.FailedResource)
			}
		case *pagewire.FileChanged:
			line["kind"], line["text"] = "file", what.FilePath
		case *pagewire.Gap:
			line["kind"], line["after"], line["before"] = "gap", what.AfterSequence, what.BeforeSequence
		default:
			line["kind"] = fmt.Sprintf("%T", what)
		}
		emit(line)
	}
	if !s.unsubscribed.Load() {
		emit(end)
	}
}

// failedResource describes a failed resource, without the parts of its location that are unknown.
func failedResource(failed *pagewire.FailedResource) map[string]any {
	described := map[string]any{
		"plugin_name": failed.PluginName, "hook": failed.Hook, "url": failed.URL, "status": failed.Status, "message": failed.Message,
	}
	if location := failed.Location; location != nil {
		if location.File != "" {
			described["file"] = location.File
		}
		if location.Line != 0 {
			described["line"] = location.Line
		}
		if location.Column != 0 {
			described["column"] = location.Column
		}
	}
	return described
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	pagewire "pagewire.dev/client"
)

// A subscribed is a subscription, with the client it is of.
type subscribed struct {
	*pagewire.Subscription
	client *pagewire.Client
	// left tells that it was unsubscribed: its end is no event then.
	left  atomic.Bool
	ended chan struct{}
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
	var made *pagewire.Subscription
	var err error
	switch {
	case c.Resume && last == nil:
		return nil, unknown("subscription", c.Name)
	case c.Resume && last.client == client && !c.Strict:
		made, err = last.Resume(r.ctx)
	default:
		if c.Resume {
			position := last.Position()
			options.ResumeAfter = &position
		}
		made, err = client.Subscribe(r.ctx, options)
	}
	if err != nil {
		return nil, err
	}
	subscription := &subscribed{Subscription: made, client: client, ended: make(chan struct{})}
	r.mu.Lock()
	r.subscriptions[c.Name] = subscription
	r.mu.Unlock()
	go subscription.read(c.Name)
	return map[string]any{"resumed": made.Resumed()}, nil
}

func (r *runner) unsubscribe(name string) error {
	r.mu.Lock()
	subscription := r.subscriptions[name]
	r.mu.Unlock()
	if subscription == nil {
		return unknown("subscription", name)
	}
	subscription.left.Store(true)
	subscription.Close()
	<-subscription.ended
	return nil
}

// read says every event of a subscription, and its end.
func (s *subscribed) read(name string) {
	defer close(s.ended)
	end := map[string]any{"event": "subscription_ended", "subscription": name}
	for event, err := range s.Events() {
		if err != nil {
			end["error"] = errorOf(err)
			break
		}
		said := map[string]any{"event": "event", "subscription": name, "sequence": event.Position.Sequence}
		switch what := event.What.(type) {
		case *pagewire.Message:
			said["kind"], said["socket_id"], said["text"] = "message", what.SocketID, what.Text
		case *pagewire.SocketOpened:
			said["kind"], said["socket_id"] = "socket_opened", what.Socket.ID
		case *pagewire.SocketUpdated:
			said["kind"], said["socket_id"] = "socket_updated", what.Socket.ID
		case *pagewire.SocketClosed:
			said["kind"], said["socket_id"] = "socket_closed", what.SocketID
		case *pagewire.ConsoleEntry:
			var args []string
			for _, arg := range what.Args {
				args = append(args, arg.String())
			}
			said["kind"], said["socket_id"], said["text"] = "console", what.SocketID, strings.Join(args, " ")
		case *pagewire.PageError:
			said["kind"], said["socket_id"], said["text"] = "page_error", what.SocketID, what.Exception.Error()
		case *pagewire.FileChanged:
			said["kind"], said["text"] = "file", what.Path
		case *pagewire.Gap:
			said["kind"], said["after"], said["before"] = "gap", what.After, what.Before
		default:
			said["kind"] = fmt.Sprintf("%T", what)
		}
		say(said)
	}
	if !s.left.Load() {
		say(end)
	}
}

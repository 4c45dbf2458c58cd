package pagewire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
)

// maxHandlers bounds the event handlers that run, or wait for their turn at their socket. Beyond it no event is
// read, so that the daemon's buffer fills and at last ends the subscription with SUBSCRIBER_SLOW. 256.
const maxHandlers = 256

// A listening is the subscription of a plugin that listens, and where its handlers stand.
type listening struct {
	plugin *Plugin
	name   string
	client *Client
	ctx    context.Context
	events *Subscription
	// ready are the sockets that were told to be ready.
	ready map[string]struct{}
	// slots has an entry for each handler that runs or waits.
	slots chan struct{}
	// finishing is closed when no further event is to be handled.
	finishing chan struct{}

	// idle takes a turn to a goroutine that has none. They are kept, as a new one's stack would have to grow
	// for each event; there are as many as handlers have run at once.
	idle chan turn

	mu sync.Mutex
	// finished tells that no handler begins any more.
	finished bool
	// turns has what waits at each socket, while a goroutine works there.
	turns map[string][]work
	busy  sync.WaitGroup
}

// A turn is the work of one socket, until nothing waits there.
type turn struct {
	socketID string
	first    work
}

// work is one event to be handled. The goroutine that works at its socket calls the handler.
type work struct {
	// what it is, for people.
	what   string
	handle func(context.Context) error
}

// listen subscribes to what the plugin's handlers want, from the session's beginning on.
func listen(ctx context.Context, plugin *Plugin, session *Session) (*listening, error) {
	l := &listening{
		plugin: plugin, name: session.PluginName, client: session.Client, ctx: ctx,
		ready:     make(map[string]struct{}),
		slots:     make(chan struct{}, maxHandlers),
		finishing: make(chan struct{}),
		idle:      make(chan turn),
		turns:     make(map[string][]work),
	}
	sockets, position := session.Sockets, session.Position
	if session.SocketsTruncated {
		list, err := session.Client.ListSockets(ctx, nil)
		if err != nil {
			return nil, err
		}
		sockets, position = list.Sockets, list.Position
	}
	for _, socket := range sockets {
		if socket.Ready {
			l.ready[socket.ID] = struct{}{}
		}
	}
	answered := slices.Collect(maps.Keys(plugin.OnRequest))
	events, err := l.client.Subscribe(session.tie(ctx), SubscribeOptions{
		MessageTypes: slices.Concat(answered, slices.Collect(maps.Keys(plugin.OnMessage))),
		Sockets:      plugin.wantsSockets(),
		Answers:      answered,
		ResumeAfter:  &position,
	})
	if err != nil {
		return nil, err
	}
	l.events = events
	return l, nil
}

func (l *listening) finish() { close(l.finishing) }

// run calls handlers until finish; then it waits for those that run. The subscription lasts until the session ends:
// it holds the offer to answer what they are asked.
func (l *listening) run() error {
	ended := make(chan error, 1)
	go func() { ended <- l.read() }()
	select {
	case err := <-ended:
		return err
	case <-l.finishing:
	}
	l.mu.Lock()
	l.finished = true
	l.mu.Unlock()
	l.busy.Wait()
	return nil
}

// read reads to the end, which is an error of some kind.
func (l *listening) read() error {
	for event, err := range l.events.Events() {
		if err != nil {
			return err
		}
		l.tell(event.What)
	}
	return &DisconnectedError{errors.New("the daemon ended the stream")}
}

// tell has an event handled in its turn.
func (l *listening) tell(what What) {
	switch what := what.(type) {
	case *Message:
		if handler := l.plugin.OnMessage[what.Type]; handler != nil {
			l.inTurn(what.SocketID, work{"a message", func(ctx context.Context) error {
				return handler(ctx, what, l.client)
			}})
		} else if handler := l.plugin.OnRequest[what.Type]; handler != nil {
			l.inTurn(what.SocketID, work{"a request", func(ctx context.Context) error {
				return l.answer(ctx, what, handler)
			}})
		}
	case *SocketOpened:
		l.tellSocket("an opened socket", &what.Socket, l.plugin.OnSocketOpened)
		l.tellIfReady(&what.Socket)
	case *SocketUpdated:
		l.tellIfReady(&what.Socket)
	case *SocketClosed:
		delete(l.ready, what.SocketID)
		if handler := l.plugin.OnSocketClosed; handler != nil {
			l.inTurn(what.SocketID, work{"a closed socket", func(ctx context.Context) error {
				return handler(ctx, what, l.client)
			}})
		}
	case *Gap:
		fmt.Fprintf(os.Stderr, "plugin `%s`: the events between %d and %d are lost\n", l.name, what.After, what.Before)
	}
}

func (l *listening) tellIfReady(socket *Socket) {
	if _, told := l.ready[socket.ID]; told || !socket.Ready {
		return
	}
	l.ready[socket.ID] = struct{}{}
	l.tellSocket("a ready socket", socket, l.plugin.OnSocketReady)
}

func (l *listening) tellSocket(what string, socket *Socket, handler SocketHandler) {
	if handler != nil {
		l.inTurn(socket.ID, work{what, func(ctx context.Context) error { return handler(ctx, socket, l.client) }})
	}
}

// inTurn has the work done behind what waits at the same socket. It blocks while too much is under way.
func (l *listening) inTurn(socketID string, next work) {
	select {
	case l.slots <- struct{}{}:
	case <-l.ctx.Done():
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finished {
		return
	}
	waiting, working := l.turns[socketID]
	if working {
		l.turns[socketID] = append(waiting, next)
		return
	}
	l.turns[socketID] = nil
	l.busy.Add(1)
	select {
	case l.idle <- turn{socketID, next}:
	default:
		go l.work(turn{socketID, next})
	}
}

// work does one turn after the other, as long as the session lasts.
func (l *listening) work(next turn) {
	for {
		l.workAt(next.socketID, next.first)
		select {
		case next = <-l.idle:
		case <-l.ctx.Done():
			return
		}
	}
}

// workAt does what there is at a socket, until nothing waits.
func (l *listening) workAt(socketID string, next work) {
	defer l.busy.Done()
	for {
		if err := guardedCall(func() error { return next.handle(l.ctx) }); err != nil {
			fmt.Fprintf(os.Stderr, "plugin `%s`: handler of %s: %v\n", l.name, next.what, err)
		}
		<-l.slots
		l.mu.Lock()
		waiting := l.turns[socketID]
		if len(waiting) == 0 {
			delete(l.turns, socketID)
			l.mu.Unlock()
			return
		}
		next, l.turns[socketID] = waiting[0], waiting[1:]
		l.mu.Unlock()
	}
}

// answer answers a page's request with what its handler returned. An error goes to the page and on to the log.
func (l *listening) answer(ctx context.Context, request *Message, handler RequestHandler) error {
	value, failed := guarded(func() (any, error) { return handler(ctx, request, l.client) })
	if request.RequestID == "" {
		return failed
	}
	var text string
	if failed == nil {
		text, failed = encode(value)
	}
	var err error
	if failed == nil {
		_, err = l.client.Reply(ctx, request, json.RawMessage(text))
	} else {
		_, err = l.client.ReplyError(ctx, request, failed.Error())
	}
	switch Reason(err) {
	case "ALREADY_ANSWERED", "REQUEST_EXPIRED", "REQUEST_NOT_FOUND":
		// Another plugin was faster, or the page waits no more.
		return failed
	}
	return errors.Join(failed, err)
}

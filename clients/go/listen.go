package pagewire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// maxHandlers limits the event handlers that run, or wait for earlier ones of their socket. At the limit no event
// is read, so that the daemon's queue fills and it finally ends the subscription with SUBSCRIBER_SLOW.
const maxHandlers = 256

// An eventListener is the subscription of a plugin and the state of its handlers. Events of one socket are handled
// sequentially.
type eventListener struct {
	plugin  *Plugin
	session *Session
	client  *Client
	ctx     context.Context
	events  *Subscription
	// ready are the sockets known to be ready.
	ready map[string]struct{}
	// slots has an entry for each handler that runs or waits.
	slots chan struct{}
	// finishing is closed when no further event is to be handled.
	finishing chan struct{}

	// idle hands a socket's queue to an idle worker. Workers are reused, because the stack of a new goroutine
	// would have to grow for each event; their number is the largest number of handlers that ran concurrently.
	idle chan socketQueue

	mu sync.Mutex
	// finished is set when no further handler may start.
	finished bool
	// queues has the waiting tasks of each socket that a worker is handling.
	queues map[string][]task
	// busy counts the sockets that workers are handling.
	busy sync.WaitGroup
}

// A socketQueue assigns a socket to a worker, which handles its tasks until none waits.
type socketQueue struct {
	socketID string
	first    task
}

// A task is one event to be handled.
type task struct {
	// event is what happened, for the log.
	event string
	// messageType is the type of the message or request. Empty for other events.
	messageType string
	handle      func(context.Context) error
}

func (t task) String() string {
	if t.messageType == "" {
		return t.event
	}
	return fmt.Sprintf("%s %q", t.event, t.messageType)
}

// listen subscribes to the events that have handlers, starting at the session's position.
func listen(ctx context.Context, plugin *Plugin, session *Session) (*eventListener, error) {
	l := &eventListener{
		plugin: plugin, session: session, client: session.Client, ctx: ctx,
		ready:     make(map[string]struct{}),
		slots:     make(chan struct{}, maxHandlers),
		finishing: make(chan struct{}),
		idle:      make(chan socketQueue),
		queues:    make(map[string][]task),
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
			l.ready[socket.SocketID] = struct{}{}
		}
	}
	answered := slices.Collect(maps.Keys(plugin.OnRequest))
	events, err := l.client.Subscribe(session.inSession(ctx), SubscribeOptions{
		MessageTypes: slices.Concat(answered, slices.Collect(maps.Keys(plugin.OnMessage))),
		Sockets:      plugin.hasSocketHandlers(),
		Answers:      answered,
		ResumeAfter:  &position,
	})
	if err != nil {
		return nil, err
	}
	l.events = events
	return l, nil
}

func (l *eventListener) finish() { close(l.finishing) }

// run calls handlers until finish, and then waits for the running ones. The subscription stays open until the
// session ends, because the daemon accepts the handlers' replies only while the subscription lasts.
func (l *eventListener) run() error {
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

// read dispatches events until the subscription ends. Its end is always an error. Until ServerStart has returned, no
// event is read.
func (l *eventListener) read() error {
	select {
	case <-l.session.started:
	case <-l.ctx.Done():
		return fromContext(l.ctx)
	}
	for event, err := range l.events.Events() {
		if err != nil {
			return err
		}
		l.dispatch(event.What)
	}
	return &DisconnectedError{errors.New("the daemon ended the stream")}
}

// dispatch queues the handler of an event.
func (l *eventListener) dispatch(what What) {
	switch what := what.(type) {
	case *Message:
		if handler := l.plugin.OnMessage[what.Type]; handler != nil {
			l.enqueue(what.SocketID, task{"message", what.Type, func(ctx context.Context) error {
				return handler(ctx, what, l.client)
			}})
		} else if handler := l.plugin.OnRequest[what.Type]; handler != nil {
			l.enqueue(what.SocketID, task{"request", what.Type, func(ctx context.Context) error {
				return l.reply(ctx, what, handler)
			}})
		}
	case *SocketOpened:
		l.dispatchSocket("socket opened", &what.Socket, l.plugin.OnSocketOpened)
		l.dispatchIfReady(&what.Socket)
	case *SocketUpdated:
		l.dispatchIfReady(&what.Socket)
	case *SocketClosed:
		delete(l.ready, what.SocketID)
		if handler := l.plugin.OnSocketClosed; handler != nil {
			l.enqueue(what.SocketID, task{"socket closed", "", func(ctx context.Context) error {
				return handler(ctx, what, l.client)
			}})
		}
	case *Gap:
		l.plugin.logger().Warn(fmt.Sprintf("lost the events between %d and %d", what.AfterSequence, what.BeforeSequence))
	}
}

func (l *eventListener) dispatchIfReady(socket *Socket) {
	if _, known := l.ready[socket.SocketID]; known || !socket.Ready {
		return
	}
	l.ready[socket.SocketID] = struct{}{}
	l.dispatchSocket("socket ready", socket, l.plugin.OnSocketReady)
}

func (l *eventListener) dispatchSocket(event string, socket *Socket, handler SocketHandler) {
	if handler != nil {
		l.enqueue(socket.SocketID, task{event, "", func(ctx context.Context) error { return handler(ctx, socket, l.client) }})
	}
}

// enqueue queues a task after the earlier ones of its socket. It blocks while maxHandlers are pending.
func (l *eventListener) enqueue(socketID string, next task) {
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
	waiting, handling := l.queues[socketID]
	if handling {
		l.queues[socketID] = append(waiting, next)
		return
	}
	l.queues[socketID] = nil
	l.busy.Add(1)
	select {
	case l.idle <- socketQueue{socketID, next}:
	default:
		go l.work(socketQueue{socketID, next})
	}
}

// work drains queues until the session ends.
func (l *eventListener) work(next socketQueue) {
	for {
		l.drain(next.socketID, next.first)
		select {
		case next = <-l.idle:
		case <-l.ctx.Done():
			return
		}
	}
}

// drain handles the tasks of a socket until none waits.
func (l *eventListener) drain(socketID string, next task) {
	defer l.busy.Done()
	for {
		// When the context has ended, nobody waits for the handler, and its error is only a consequence.
		if err := guardedCall(func() error { return next.handle(l.ctx) }); err != nil && l.ctx.Err() == nil {
			l.plugin.logFailure(l.ctx, next.String(), err)
		}
		<-l.slots
		l.mu.Lock()
		waiting := l.queues[socketID]
		if len(waiting) == 0 {
			delete(l.queues, socketID)
			l.mu.Unlock()
			return
		}
		next, l.queues[socketID] = waiting[0], waiting[1:]
		l.mu.Unlock()
	}
}

// reply sends the result of a handler as the reply to a page's request. An error is sent to the page and returned.
func (l *eventListener) reply(ctx context.Context, request *Message, handler RequestHandler) error {
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
		_, err = l.client.ReplyError(ctx, request, failureFrom(failed).Error())
	}
	switch Reason(err) {
	case "ALREADY_ANSWERED", "REQUEST_EXPIRED", "REQUEST_NOT_FOUND":
		// Another plugin has replied first, or the page no longer waits.
		return failed
	}
	return errors.Join(failed, err)
}

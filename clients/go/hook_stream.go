package pagewire

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A hookKind is what the streams of the hooks differ in: the messages up and down.
type hookKind[Up, Down any] struct {
	live    *liveFilters
	connect func(context.Context) (grpc.BidiStreamingClient[Up, Down], error)
	open    func([]*pb.RequestFilter) *Up
	update  func(*pb.UpdateFilters) *Up
	// call is the call that a message holds, if it is one.
	call func(*Down) (hookCall[Up], bool)
}

// down is what the daemon says on any hook's stream, beside calls.
type down interface {
	GetOpened() *pb.HookOpened
	GetCancel() *pb.CallCancel
	GetFiltersUpdated() *pb.FiltersUpdated
}

// A hookCall is one to be answered.
type hookCall[Up any] struct {
	id        uint64
	remaining *durationpb.Duration
	// handle calls the handler and makes the result of what it returns.
	handle func(context.Context) (*Up, error)
	// fail makes the result of a failure.
	fail func(*pb.HookFailure) *Up
}

// An openHook is a hook that is in force.
type openHook interface {
	// run answers calls until the stream ends; the error is nil if that was asked for.
	run() error
	// finish lets the calls that run end, and then the stream.
	finish()
}

type hookStream[Up, Down any] struct {
	hookKind[Up, Down]
	stream grpc.BidiStreamingClient[Up, Down]
	ctx    context.Context

	// writing guards the writing side of the stream.
	writing sync.Mutex
	// closed tells that it was closed.
	closed bool

	mu sync.Mutex
	// calls are those that run, with what cancels them.
	calls map[uint64]context.CancelFunc
	// finishing tells that the stream ends with the last call.
	finishing bool
	// updates are those under way, oldest first.
	updates []chan error
}

// startHook opens a hook, and returns when the daemon has it in force.
func startHook[Up, Down any](ctx context.Context, session *Session, kind hookKind[Up, Down]) (openHook, error) {
	tied := session.tie(ctx)
	stream, err := kind.connect(tied)
	if err != nil {
		return nil, fromRPC(tied, err)
	}
	hook := &hookStream[Up, Down]{hookKind: kind, stream: stream, ctx: ctx, calls: make(map[uint64]context.CancelFunc)}
	kind.live.open(hook)
	first, err := stream.Recv()
	if err != nil {
		err = endOf(ctx, err)
		hook.end(err)
		return nil, err
	}
	if any(first).(down).GetOpened() == nil {
		err = unexpected("a hook that does not begin with `opened`")
		hook.end(err)
		return nil, err
	}
	return hook, nil
}

func (h *hookStream[Up, Down]) run() error {
	for {
		message, err := h.stream.Recv()
		if err != nil {
			h.mu.Lock()
			asked := h.finishing
			h.mu.Unlock()
			err = endOf(h.ctx, err)
			h.end(err)
			if asked {
				return nil
			}
			return err
		}
		if call, is := h.call(message); is {
			h.begin(call)
		} else if cancel := any(message).(down).GetCancel(); cancel != nil {
			h.forget(cancel.GetCallId())
		} else if any(message).(down).GetFiltersUpdated() != nil {
			h.updated()
		}
	}
}

// begin runs a call in a goroutine of its own; the daemon bounds how many there are.
func (h *hookStream[Up, Down]) begin(call hookCall[Up]) {
	var ctx context.Context
	var cancel context.CancelFunc
	if call.remaining != nil {
		ctx, cancel = context.WithTimeout(h.ctx, call.remaining.AsDuration())
	} else {
		ctx, cancel = context.WithCancel(h.ctx)
	}
	h.mu.Lock()
	h.calls[call.id] = cancel
	h.mu.Unlock()
	go func() {
		defer h.forget(call.id)
		result, err := guarded(func() (*Up, error) { return call.handle(ctx) })
		if ctx.Err() != nil {
			return // Nobody waits for it any more.
		}
		if err != nil {
			result = call.fail(failureFrom(err).proto())
		}
		h.send(result)
	}()
}

// forget ends a call that is answered or given up, and the stream if that is due.
func (h *hookStream[Up, Down]) forget(id uint64) {
	h.mu.Lock()
	cancel := h.calls[id]
	delete(h.calls, id)
	last := h.finishing && len(h.calls) == 0
	h.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if last {
		h.closeSend()
	}
}

func (h *hookStream[Up, Down]) finish() {
	h.mu.Lock()
	h.finishing = true
	last := len(h.calls) == 0
	h.mu.Unlock()
	if last {
		h.closeSend()
	}
}

// send writes a message; of a stream that is over nobody waits for it.
func (h *hookStream[Up, Down]) send(message *Up) {
	h.writing.Lock()
	defer h.writing.Unlock()
	if !h.closed {
		// Why it fails the reader finds out.
		_ = h.stream.Send(message)
	}
}

func (h *hookStream[Up, Down]) closeSend() {
	h.writing.Lock()
	defer h.writing.Unlock()
	if !h.closed {
		h.closed = true
		_ = h.stream.CloseSend()
	}
}

// sendOpen says which filters the hook opens with.
func (h *hookStream[Up, Down]) sendOpen(filters []Filter) {
	h.send(h.hookKind.open(filtersProto(filters)))
}

// sendUpdate replaces the filters; what it returns gets nil or the error once that is decided.
func (h *hookStream[Up, Down]) sendUpdate(filters []Filter) <-chan error {
	decided := make(chan error, 1)
	h.mu.Lock()
	h.updates = append(h.updates, decided)
	h.mu.Unlock()
	// The stream's end finds it there: end takes the hook out of liveFilters, which is locked here, first.
	h.send(h.update(&pb.UpdateFilters{Filters: filtersProto(filters)}))
	return decided
}

func (h *hookStream[Up, Down]) updated() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.updates) > 0 {
		h.updates[0] <- nil
		h.updates = h.updates[1:]
	}
}

// end tells who waits that the stream is over.
func (h *hookStream[Up, Down]) end(err error) {
	h.live.close(h)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, decided := range h.updates {
		decided <- err
	}
	h.updates = nil
	for _, cancel := range h.calls {
		cancel()
	}
}

// guarded runs a handler; a panic in it is a failure with its stack.
func guarded[T any](handler func() (T, error)) (result T, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = &Failure{Message: fmt.Sprintf("the handler panicked: %v", thrown), Stack: string(debug.Stack())}
		}
	}()
	return handler()
}

// failureFrom is the failure that an error of a handler is.
func failureFrom(err error) *Failure {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure
	}
	return &Failure{Message: err.Error()}
}

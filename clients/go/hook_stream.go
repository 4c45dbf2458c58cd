package pagewire

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// withdrawalTimeout limits how long a hook that finishes waits for the daemon to confirm that it makes no further
// calls. After it the stream is closed anyway.
const withdrawalTimeout = time.Second

// A hookType describes one type of hook: how its stream is opened, and the messages to and from the daemon.
type hookType[Req, Res any] struct {
	// name is what the hook does, for the log.
	name string
	// field is the field of Plugin.
	field   string
	live    *liveFilters
	connect func(context.Context) (grpc.BidiStreamingClient[Req, Res], error)
	open    func([]*pb.RequestFilter) *Req
	update  func(*pb.UpdateFilters) *Req
	// call returns the call in a message, if it contains one.
	call func(*Res) (hookCall[Req], bool)
}

// A hookResponse is a message from the daemon on the stream of any hook.
type hookResponse interface {
	GetOpened() *pb.HookOpened
	GetCancel() *pb.CallCancel
	GetFiltersUpdated() *pb.FiltersUpdated
}

// A hookCall is a call from the daemon that needs a result.
type hookCall[Req any] struct {
	id        uint64
	path      string
	remaining *durationpb.Duration
	// handle calls the handler and converts what it returns into a result.
	handle func(context.Context) (*Req, error)
	// fail converts a failure into a result.
	fail func(*pb.HookFailure) *Req
}

// An openHook is what a session runs: an open hook, or its event listener.
type openHook interface {
	// run handles calls or events until the stream ends; it returns nil if finish was called.
	run() error
	// finish accepts no further work, lets the running handlers finish, and then ends run.
	finish()
}

type hookStream[Req, Res any] struct {
	hookType[Req, Res]
	session *Session
	stream  grpc.BidiStreamingClient[Req, Res]
	ctx     context.Context

	// writing guards the sending side of the stream.
	writing sync.Mutex
	// closed is set once the sending side is closed.
	closed bool

	mu sync.Mutex
	// calls has the cancel functions of the running calls, by call id.
	calls map[uint64]context.CancelCauseFunc
	// finishing is set when the stream is to end.
	finishing bool
	// withdrawn is set when the daemon makes no further calls: the stream ends after the last running one.
	withdrawn bool
	// updates are the filters that the daemon has not confirmed, oldest first.
	updates []*filterSet
}

// startHook opens a hook, and returns once the daemon has confirmed that.
func startHook[Req, Res any](ctx context.Context, session *Session, kind hookType[Req, Res]) (openHook, error) {
	sessionCtx := session.inSession(ctx)
	stream, err := kind.connect(sessionCtx)
	if err != nil {
		return nil, fromRPC(sessionCtx, err)
	}
	hook := &hookStream[Req, Res]{
		hookType: kind, session: session, stream: stream, ctx: ctx, calls: make(map[uint64]context.CancelCauseFunc),
	}
	kind.live.open(hook)
	first, err := stream.Recv()
	if err != nil {
		err = hook.named(streamEnd(ctx, err))
		hook.end(err)
		return nil, err
	}
	if any(first).(hookResponse).GetOpened() == nil {
		err = unexpected("a hook stream that does not start with `opened`")
		hook.end(err)
		return nil, err
	}
	return hook, nil
}

func (h *hookStream[Req, Res]) run() error {
	for {
		message, err := h.stream.Recv()
		if err != nil {
			h.mu.Lock()
			expected := h.finishing
			h.mu.Unlock()
			if expected {
				h.end(ErrStopping)
				return nil
			}
			err = streamEnd(h.ctx, err)
			h.end(err)
			return err
		}
		if call, ok := h.call(message); ok {
			h.begin(call)
		} else if cancel := any(message).(hookResponse).GetCancel(); cancel != nil {
			h.cancelCall(cancel)
		} else if updated := any(message).(hookResponse).GetFiltersUpdated(); updated != nil {
			h.updated(updated)
		}
	}
}

// begin runs a call in a goroutine of its own; the daemon limits their number.
func (h *hookStream[Req, Res]) begin(call hookCall[Req]) {
	ctx, cancel := context.WithCancelCause(h.ctx)
	stopTimer := func() {}
	if call.remaining != nil {
		ctx, stopTimer = context.WithTimeoutCause(ctx, call.remaining.AsDuration(), ErrDeadline)
	}
	h.mu.Lock()
	h.calls[call.id] = cancel
	h.mu.Unlock()
	go func() {
		defer stopTimer()
		defer h.finishCall(call.id, nil)
		var result *Req
		err := h.session.waitForStart(ctx)
		if err == nil {
			result, err = guarded(func() (*Req, error) { return call.handle(ctx) })
		}
		if ctx.Err() != nil {
			return // The daemon no longer waits for the result.
		}
		if err != nil {
			h.session.plugin.logFailure(ctx, h.name+" of "+call.path, err)
			result = call.fail(failureFrom(err).proto())
		}
		h.send(result)
	}()
}

// cancelCall cancels a call of which the daemon does not await the result any more.
func (h *hookStream[Req, Res]) cancelCall(canceled *pb.CallCancel) {
	switch canceled.GetReason() {
	case pb.CallCancel_REASON_DEADLINE:
		// The timeout of the call's own context ends it now: only then is the context's error DeadlineExceeded.
	case pb.CallCancel_REASON_CLIENT_GONE:
		h.finishCall(canceled.GetCallId(), ErrBrowserGone)
	default:
		h.finishCall(canceled.GetCallId(), ErrStopping)
	}
}

// finishCall removes a finished call, or one that is canceled for this cause. If the hook is withdrawn, it closes the
// stream after the last call.
func (h *hookStream[Req, Res]) finishCall(id uint64, cause error) {
	h.mu.Lock()
	cancel := h.calls[id]
	delete(h.calls, id)
	last := h.withdrawn && len(h.calls) == 0
	h.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
	if last {
		h.closeSend()
	}
}

func (h *hookStream[Req, Res]) finish() {
	// From now on, new filters are not sent.
	h.live.close(h)
	h.mu.Lock()
	h.finishing = true
	h.mu.Unlock()
	go h.withdraw()
}

// withdraw removes all filters, so that the daemon makes no further calls, and then closes the stream after the last
// running one.
func (h *hookStream[Req, Res]) withdraw() {
	none := newFilterSet(nil)
	h.sendUpdate(none)
	select {
	case <-none.result:
	case <-time.After(withdrawalTimeout):
	case <-h.ctx.Done():
	}
	h.mu.Lock()
	h.withdrawn = true
	last := len(h.calls) == 0
	h.mu.Unlock()
	if last {
		h.closeSend()
	}
}

// send writes a message, unless the sending side is closed.
func (h *hookStream[Req, Res]) send(message *Req) {
	h.writing.Lock()
	defer h.writing.Unlock()
	if !h.closed {
		// Ignored: if the stream is broken, run gets the error from Recv.
		_ = h.stream.Send(message)
	}
}

func (h *hookStream[Req, Res]) closeSend() {
	h.writing.Lock()
	defer h.writing.Unlock()
	if !h.closed {
		h.closed = true
		_ = h.stream.CloseSend()
	}
}

// sendOpen opens the hook with these filters.
func (h *hookStream[Req, Res]) sendOpen(filters []Filter) {
	h.send(h.hookType.open(filtersProto(filters)))
}

// sendUpdate replaces the filters. The set's result follows once the daemon has confirmed or refused them.
func (h *hookStream[Req, Res]) sendUpdate(set *filterSet) {
	h.mu.Lock()
	h.updates = append(h.updates, set)
	h.mu.Unlock()
	// liveFilters.set holds liveFilters.mu. The method end locks it too, in live.close, before it reads h.updates:
	// so it cannot miss this one. The method withdraw does not depend on the result.
	h.send(h.update(&pb.UpdateFilters{Filters: filtersProto(set.filters), ReportErrors: true}))
}

// updated confirms the oldest update, or reports why the daemon refused it.
func (h *hookStream[Req, Res]) updated(updated *pb.FiltersUpdated) {
	h.mu.Lock()
	if len(h.updates) == 0 {
		h.mu.Unlock()
		return
	}
	set := h.updates[0]
	h.updates = h.updates[1:]
	// Released first, because liveFilters.set locks in the opposite order.
	h.mu.Unlock()
	h.live.confirm(set, h.named(fromFiltersError(updated.GetError())))
}

// named adds the plugin and the hook to the error of a definition, such as an invalid filter, that the daemon refused.
func (h *hookStream[Req, Res]) named(err error) error {
	if refused, ok := errors.AsType[*Error](err); ok && refused.Code == codes.InvalidArgument {
		return fmt.Errorf("plugin %q, %s: %w", h.session.PluginName, h.field, err)
	}
	return err
}

// end fails the pending filter updates and cancels the running calls after the stream has ended with this error.
func (h *hookStream[Req, Res]) end(err error) {
	h.live.close(h)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, set := range h.updates {
		set.result <- err
	}
	h.updates = nil
	for _, cancel := range h.calls {
		cancel(err)
	}
}

package pagewire

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A sendStream carries all sends of a client on one stream, which avoids one call per send. It is opened by the
// first send, and reopened by the first send after it was lost.
type sendStream struct {
	rpc pb.ControlServiceClient
	// writing is a lock, held while the stream is opened or written: it keeps writes and their waiters in the same
	// order. It is a channel, so that waiting for it respects the context.
	writing chan struct{}
	// open is the current stream, guarded by writing.
	open *openSends
	// ctx is canceled when the client closes.
	ctx    context.Context
	cancel context.CancelFunc
}

// An openSends is one stream with the sends that wait for their results.
type openSends struct {
	stream grpc.BidiStreamingClient[pb.SendStreamRequest, pb.SendStreamResponse]
	cancel context.CancelFunc

	mu sync.Mutex
	// waiting are the sends without a result, oldest first; results arrive in the order of the sends.
	waiting []*waiter
	// err is why the stream has ended.
	err error
}

// A waiter waits for the result of one send.
type waiter struct {
	// result has a buffer of one, so that an abandoned waiter does not block the reader.
	result chan sendResult
	timer  *time.Timer
}

type sendResult struct {
	response *pb.SendStreamResponse
	err      error
}

// waiters is a pool of waiters. Abandoned ones, which may still get a result, are not returned to it.
var waiters = sync.Pool{New: func() any {
	timer := time.NewTimer(defaultDeadline)
	timer.Stop()
	return &waiter{result: make(chan sendResult, 1), timer: timer}
}}

func newSendStream(rpc pb.ControlServiceClient) *sendStream {
	ctx, cancel := context.WithCancel(context.Background())
	return &sendStream{rpc: rpc, writing: make(chan struct{}, 1), ctx: ctx, cancel: cancel}
}

func (s *sendStream) close() { s.cancel() }

// send writes one send and waits for its result.
func (s *sendStream) send(ctx context.Context, request *pb.SendRequest) (*Report, error) {
	waiter := waiters.Get().(*waiter)
	var timeout <-chan time.Time
	if _, ok := ctx.Deadline(); !ok {
		waiter.timer.Reset(defaultDeadline)
		timeout = waiter.timer.C
	}
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return nil, fromContext(ctx)
	case <-timeout:
		return nil, deadlineError()
	}
	err := s.write(ctx, request, waiter)
	<-s.writing
	if err != nil {
		return nil, err
	}
	select {
	case result := <-waiter.result:
		waiter.timer.Stop()
		waiters.Put(waiter)
		return result.report()
	case <-ctx.Done():
		return nil, fromContext(ctx)
	case <-timeout:
		return nil, deadlineError()
	}
}

// write writes a send to the stream and enqueues its waiter. The caller holds writing.
func (s *sendStream) write(ctx context.Context, request *pb.SendRequest, waiter *waiter) error {
	if s.open == nil || !s.open.enqueue(waiter) {
		open, err := s.connect(ctx)
		if err != nil {
			return err
		}
		s.open = open
		if !open.enqueue(waiter) {
			return open.err
		}
	}
	if err := s.open.stream.Send(&pb.SendStreamRequest{Send: request}); err != nil && !errors.Is(err, io.EOF) {
		// It was not sent (an oversized message, for example), so there will be no result. gRPC has ended
		// the stream.
		err = fromRPC(ctx, err)
		s.open.fail(err)
		s.open.cancel()
	}
	// On io.EOF the reader gets the error that ended the stream.
	return nil
}

func (s *sendStream) connect(ctx context.Context) (*openSends, error) {
	streamCtx, cancel := context.WithCancel(s.ctx)
	// The caller's context applies only to the opening: the stream outlives it.
	stop := context.AfterFunc(ctx, cancel)
	stream, err := s.rpc.SendStream(streamCtx)
	if !stop() {
		cancel()
		return nil, fromContext(ctx)
	}
	if err != nil {
		cancel()
		return nil, fromRPC(streamCtx, err)
	}
	open := &openSends{stream: stream, cancel: cancel}
	go open.read(streamCtx)
	return open, nil
}

// read delivers every result to the oldest waiter, until the stream ends.
func (o *openSends) read(ctx context.Context) {
	defer o.cancel()
	for {
		response, err := o.stream.Recv()
		if err != nil {
			o.fail(streamEnd(ctx, err))
			return
		}
		if oldest := o.dequeue(); oldest != nil {
			oldest.result <- sendResult{response: response}
		}
	}
}

func (o *openSends) enqueue(waiter *waiter) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return false
	}
	o.waiting = append(o.waiting, waiter)
	return true
}

func (o *openSends) dequeue() *waiter {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil
	}
	oldest := o.waiting[0]
	o.waiting = o.waiting[1:]
	return oldest
}

// fail delivers the error to all waiters.
func (o *openSends) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	o.err = err
	for _, waiter := range o.waiting {
		waiter.result <- sendResult{err: err}
	}
	o.waiting = nil
}

func (r sendResult) report() (*Report, error) {
	if r.err != nil {
		return nil, r.err
	}
	if refused := r.response.GetError(); refused != nil {
		return nil, &Error{Code: codes.Code(refused.GetCode()), Reason: refused.GetReason(), Message: refused.GetMessage()}
	}
	return reportFrom(r.response.GetReport())
}

// streamEnd converts the error with which a stream ended unexpectedly.
func streamEnd(ctx context.Context, err error) error {
	if errors.Is(err, io.EOF) {
		return &DisconnectedError{errors.New("the daemon ended the stream")}
	}
	return fromRPC(ctx, err)
}

func deadlineError() error {
	return &Error{Code: codes.DeadlineExceeded, Reason: "DEADLINE", Message: "the deadline passed before the daemon responded"}
}

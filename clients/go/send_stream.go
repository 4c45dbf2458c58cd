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

// A sendStream is the one stream that a client's sends go by, so that no call is set up for each. It is
// opened by the first send, and again by the first one after it broke.
type sendStream struct {
	rpc pb.ControlServiceClient
	// turn is held by who opens or writes: writes and their waiters have one order.
	turn chan struct{}
	// open is the stream in use; guarded by turn.
	open *openSends
	// life ends when the client closes.
	life context.Context
	end  context.CancelFunc
}

// An openSends is one stream and who waits for its answers.
type openSends struct {
	stream grpc.BidiStreamingClient[pb.SendStreamRequest, pb.SendStreamResponse]
	cancel context.CancelFunc

	mu sync.Mutex
	// waiting are the sends without an answer, oldest first: answers come in the order of sends.
	waiting []*waiter
	// err is why the stream has ended.
	err error
}

// A waiter is one send that waits for its answer.
type waiter struct {
	// answered holds one answer, so that who gave up holds up nobody.
	answered chan sendAnswer
	timer    *time.Timer
}

type sendAnswer struct {
	response *pb.SendStreamResponse
	err      error
}

// waiters are kept for reuse, unless somebody gave up on them.
var waiters = sync.Pool{New: func() any {
	timer := time.NewTimer(defaultDeadline)
	timer.Stop()
	return &waiter{answered: make(chan sendAnswer, 1), timer: timer}
}}

func newSendStream(rpc pb.ControlServiceClient) *sendStream {
	life, end := context.WithCancel(context.Background())
	return &sendStream{rpc: rpc, turn: make(chan struct{}, 1), life: life, end: end}
}

func (s *sendStream) close() { s.end() }

// send writes one send and waits for its answer.
func (s *sendStream) send(ctx context.Context, request *pb.SendRequest) (*Report, error) {
	waiter := waiters.Get().(*waiter)
	var late <-chan time.Time
	if _, has := ctx.Deadline(); !has {
		waiter.timer.Reset(defaultDeadline)
		late = waiter.timer.C
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fromContext(ctx)
	case <-late:
		return nil, deadlinePassed()
	}
	err := s.write(ctx, request, waiter)
	<-s.turn
	if err != nil {
		return nil, err
	}
	select {
	case answer := <-waiter.answered:
		waiter.timer.Stop()
		waiters.Put(waiter)
		return answer.report()
	case <-ctx.Done():
		return nil, fromContext(ctx)
	case <-late:
		return nil, deadlinePassed()
	}
}

// write puts the send on the wire and its waiter into the queue. The turn is the caller's.
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
		// It was not sent, a message that is too large say, and no answer will come. The stream is of no
		// use then: gRPC has ended it.
		err = fromRPC(ctx, err)
		s.open.fail(err)
		s.open.cancel()
	}
	// At io.EOF the reader knows why the stream has ended.
	return nil
}

func (s *sendStream) connect(ctx context.Context) (*openSends, error) {
	life, cancel := context.WithCancel(s.life)
	// Only the opening is the caller's: the stream outlives it.
	stop := context.AfterFunc(ctx, cancel)
	stream, err := s.rpc.SendStream(life)
	if !stop() {
		cancel()
		return nil, fromContext(ctx)
	}
	if err != nil {
		cancel()
		return nil, fromRPC(life, err)
	}
	open := &openSends{stream: stream, cancel: cancel}
	go open.read(life)
	return open, nil
}

// read gives every answer to the oldest waiter, until the stream ends.
func (o *openSends) read(life context.Context) {
	defer o.cancel()
	for {
		response, err := o.stream.Recv()
		if err != nil {
			o.fail(endOf(life, err))
			return
		}
		if oldest := o.oldest(); oldest != nil {
			oldest.answered <- sendAnswer{response: response}
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

func (o *openSends) oldest() *waiter {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil
	}
	oldest := o.waiting[0]
	o.waiting = o.waiting[1:]
	return oldest
}

// fail ends the wait of all.
func (o *openSends) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	o.err = err
	for _, waiter := range o.waiting {
		waiter.answered <- sendAnswer{err: err}
	}
	o.waiting = nil
}

func (a sendAnswer) report() (*Report, error) {
	if a.err != nil {
		return nil, a.err
	}
	if refused := a.response.GetError(); refused != nil {
		return nil, &Error{Code: codes.Code(refused.GetCode()), Reason: refused.GetReason(), Message: refused.GetMessage()}
	}
	return reportFrom(a.response.GetReport())
}

// endOf is why a stream that should go on has ended.
func endOf(ctx context.Context, err error) error {
	if errors.Is(err, io.EOF) {
		return &DisconnectedError{errors.New("the daemon ended the stream")}
	}
	return fromRPC(ctx, err)
}

func deadlinePassed() error {
	return &Error{codes.DeadlineExceeded, "DEADLINE", "the deadline passed before the daemon answered", nil}
}

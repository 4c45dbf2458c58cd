package pagewire

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync/atomic"

	"google.golang.org/grpc"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// SubscribeOptions say what to be told of, and from where on. The zero value is every message of every
// page, from now on.
type SubscribeOptions struct {
	// Messages are those of pages, of any type.
	Messages bool
	// MessageTypes are messages of these types only.
	MessageTypes []string
	// Sockets are sockets that open, change and close.
	Sockets bool
	// Console is the console output of pages; has the daemon forward it, which costs the pages a little.
	Console bool
	// PageErrors are errors in pages that no code of theirs took.
	PageErrors bool
	// Files are watched files that change. Needs a daemon that watches (FEATURE_UNSUPPORTED).
	Files bool
	// From narrows to events of ready sockets that match.
	From *SocketFilter
	// ResumeAfter delivers what came after this first. What the daemon no longer holds is a [Gap].
	ResumeAfter *Position
	// Strict fails with POSITION_EVICTED or EPOCH_CHANGED where there would be a gap at the beginning.
	Strict bool
	// GapsWhenSlow drops the oldest events, and says so by a [Gap], when they are read too slowly. Else
	// the subscription ends with SUBSCRIBER_SLOW.
	GapsWhenSlow bool
	// MaxQueue is how many events may wait in the daemon. 0 = 1024; 8 MiB at most whatever the number.
	MaxQueue int
	// MaxEventBytes leaves out the content of larger messages. 0 = 1 MiB.
	MaxEventBytes int
	// AnswersRequests offers to answer the pages' requests among these messages: the page then waits for
	// [Client.Reply], up to 20 s. Without any offer it is refused at once.
	AnswersRequests bool
	// Answers offers to answer requests of these types alone. Each must be among MessageTypes, if those are
	// chosen.
	Answers []string
}

func (o SubscribeOptions) proto() *pb.SubscribeMessagesRequest {
	request := &pb.SubscribeMessagesRequest{
		Sockets:         o.From.proto(),
		StrictResume:    o.Strict,
		MaxQueue:        size(o.MaxQueue),
		MaxEventBytes:   size(o.MaxEventBytes),
		AnswersRequests: o.AnswersRequests,
		AnswerTypes:     o.Answers,
	}
	// All types are asked for by none.
	if !o.Messages {
		request.MessageTypes = o.MessageTypes
	}
	for _, choice := range []struct {
		wanted bool
		kind   pb.EventKind
	}{
		{o.Messages || len(o.MessageTypes) > 0, pb.EventKind_EVENT_KIND_MESSAGE},
		{o.Sockets, pb.EventKind_EVENT_KIND_SOCKET},
		{o.Console, pb.EventKind_EVENT_KIND_CONSOLE},
		{o.PageErrors, pb.EventKind_EVENT_KIND_PAGE_ERROR},
		{o.Files, pb.EventKind_EVENT_KIND_FILE},
	} {
		if choice.wanted {
			request.Kinds = append(request.Kinds, choice.kind)
		}
	}
	if o.ResumeAfter != nil {
		request.ResumeAfter = o.ResumeAfter.proto()
	}
	if o.GapsWhenSlow {
		request.Overflow = pb.OverflowPolicy_OVERFLOW_POLICY_GAP
	}
	return request
}

// A Subscription is one in force: the events of the daemon's log, in its order. One goroutine at a time
// reads them.
type Subscription struct {
	client   *Client
	options  SubscribeOptions
	stream   grpc.ServerStreamingClient[pb.SubscribeMessagesResponse]
	ctx      context.Context
	cancel   context.CancelFunc
	position atomic.Pointer[pb.Position]
	resumed  bool
	// closed tells that the program itself ended it.
	closed atomic.Bool
	ended  bool
}

// Subscribe returns once the subscription is in force: nothing that happens later is missed. The
// context is the subscription's: it ends with it.
func (c *Client) Subscribe(ctx context.Context, options SubscribeOptions) (*Subscription, error) {
	ctx, cancel := context.WithCancel(ctx)
	subscription := &Subscription{client: c, options: options, ctx: ctx, cancel: cancel}
	if err := subscription.open(); err != nil {
		cancel()
		return nil, err
	}
	return subscription, nil
}

func (s *Subscription) open() error {
	stream, err := s.client.rpc.SubscribeMessages(s.ctx, s.options.proto())
	if err != nil {
		return fromRPC(s.ctx, err)
	}
	first, err := stream.Recv()
	if err != nil {
		return endOf(s.ctx, err)
	}
	if first.GetSubscribed() == nil {
		return unexpected("a subscription that does not begin with `subscribed`")
	}
	s.stream = stream
	s.resumed = first.GetSubscribed().GetResumed()
	s.position.Store(first.GetPosition())
	return nil
}

// Events are those that come, for as long as they are ranged over; another range goes on behind the last
// one. It waits as long as nothing happens. An error is the last item: an [Error] with SUBSCRIBER_SLOW when events
// were read too slowly, a [DisconnectedError] when the connection was lost, the context's when that
// ended. Without one it ends when the daemon stops, or at [Subscription.Close].
func (s *Subscription) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			event, err := s.next()
			if err != nil {
				yield(nil, err)
				return
			}
			if event == nil || !yield(event, nil) {
				return
			}
		}
	}
}

// next is nil at the end.
func (s *Subscription) next() (*Event, error) {
	for !s.ended {
		response, err := s.stream.Recv()
		if err != nil {
			s.ended = true
			defer s.cancel()
			if errors.Is(err, io.EOF) || s.closed.Load() {
				return nil, nil
			}
			return nil, fromRPC(s.ctx, err)
		}
		if response.GetPosition() != nil {
			s.position.Store(response.GetPosition())
		}
		// An event of a later version is passed over.
		if what := whatFrom(response); what != nil {
			return &Event{positionFrom(response.GetPosition()), timeFrom(response.GetTime()), what}, nil
		}
	}
	return nil, nil
}

// Position is the place of the last event that was delivered; at first, of the subscription itself. It
// may be called from any goroutine.
func (s *Subscription) Position() Position { return positionFrom(s.position.Load()) }

// Resumed tells that everything after the position asked for is delivered. It is false when none was
// asked for, or a [Gap] follows.
func (s *Subscription) Resumed() bool { return s.resumed }

// Resume subscribes again after the last position, to the same, once the subscription has ended. What the
// daemon no longer holds is a [Gap], the first event.
func (s *Subscription) Resume(ctx context.Context) (*Subscription, error) {
	options := s.options
	position := s.Position()
	options.ResumeAfter = &position
	return s.client.Subscribe(ctx, options)
}

// Close unsubscribes. It may be called from any goroutine, and more than once.
func (s *Subscription) Close() error {
	s.closed.Store(true)
	s.cancel()
	return nil
}

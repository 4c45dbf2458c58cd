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

// SubscribeOptions are the kinds of events and the start position of a subscription. The zero value selects all
// messages of all pages, from now on.
type SubscribeOptions struct {
	// Messages selects messages of pages, of any type.
	Messages bool
	// MessageTypes selects messages of pages, of these types only.
	MessageTypes []string
	// Sockets selects sockets that open, change and close.
	Sockets bool
	// Console selects console output of pages. Pages report it only while there is a subscriber, at a small
	// cost.
	Console bool
	// PageErrors selects errors in pages that their code did not handle.
	PageErrors bool
	// Files selects changed files. Needs a daemon with --watch (FEATURE_UNSUPPORTED).
	Files bool
	// From narrows to events of ready sockets that match.
	From *SocketFilter
	// ResumeAfter starts with the events after this position. Events that the daemon no longer holds are
	// reported by a [Gap].
	ResumeAfter *Position
	// Strict fails with POSITION_EVICTED or EPOCH_CHANGED instead of reporting a gap at the start.
	Strict bool
	// GapsWhenSlow drops the oldest events when they are read too slowly, and reports a [Gap]. Otherwise the
	// subscription ends with SUBSCRIBER_SLOW.
	GapsWhenSlow bool
	// MaxQueue limits the events that the daemon queues for this subscriber. 0 = 1024; always at most 8 MiB.
	MaxQueue int
	// MaxEventBytes omits the content of larger messages. 0 = 1 MiB.
	MaxEventBytes int
	// AnswersRequests offers to answer the requests among these messages: the page then waits up to 20 s for
	// [Client.Reply]. Without an offer of any subscriber a request fails immediately.
	AnswersRequests bool
	// Answers offers to answer only requests of these types. Each must be among MessageTypes, if those are
	// set.
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
	// An empty list selects all types.
	if !o.Messages {
		request.MessageTypes = o.MessageTypes
	}
	for _, choice := range []struct {
		selected bool
		kind     pb.EventKind
	}{
		{o.Messages || len(o.MessageTypes) > 0, pb.EventKind_EVENT_KIND_MESSAGE},
		{o.Sockets, pb.EventKind_EVENT_KIND_SOCKET},
		{o.Console, pb.EventKind_EVENT_KIND_CONSOLE},
		{o.PageErrors, pb.EventKind_EVENT_KIND_PAGE_ERROR},
		{o.Files, pb.EventKind_EVENT_KIND_FILE},
	} {
		if choice.selected {
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

// A Subscription is an active subscription: events in the order of the daemon's log. Only one goroutine at a
// time may read them.
type Subscription struct {
	client   *Client
	options  SubscribeOptions
	stream   grpc.ServerStreamingClient[pb.SubscribeMessagesResponse]
	ctx      context.Context
	cancel   context.CancelFunc
	position atomic.Pointer[pb.Position]
	resumed  bool
	// closed is set by Close.
	closed atomic.Bool
	ended  bool
}

// Subscribe subscribes, and returns once the subscription is active: no later event is missed. The subscription
// ends with the context.
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
		return streamEnd(s.ctx, err)
	}
	if first.GetSubscribed() == nil {
		return unexpected("a subscription that does not start with `subscribed`")
	}
	s.stream = stream
	s.resumed = first.GetSubscribed().GetResumed()
	s.position.Store(first.GetPosition())
	return nil
}

// Events returns an iterator that waits for each event. A later range continues after the last event. An error is
// the last item: an [Error] with SUBSCRIBER_SLOW when events were read too slowly, a [DisconnectedError] when the
// connection was lost, or the error of the context. Without an error the iterator ends when the daemon stops, or
// after [Subscription.Close].
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

// next returns the next event, or nil at the end.
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
		// Kinds of events that this version does not know are skipped.
		if what := eventContentFrom(response); what != nil {
			return &Event{positionFrom(response.GetPosition()), timeFrom(response.GetTime()), what}, nil
		}
	}
	return nil, nil
}

// Position returns the position of the last delivered event; initially that of the subscription itself. It may
// be called from any goroutine.
func (s *Subscription) Position() Position { return positionFrom(s.position.Load()) }

// Resumed reports whether all events after the requested position will be delivered. It is false when no position
// was requested, or a [Gap] follows.
func (s *Subscription) Resumed() bool { return s.resumed }

// Resume subscribes again with the same options, after the last delivered event, once the subscription has ended.
// Events that the daemon no longer holds are reported by a [Gap] as the first event.
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

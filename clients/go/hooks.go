package pagewire

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// HookOptions are what all hooks have in common. The zero value is all defaults.
type HookOptions struct {
	// CallTimeout is how long one call may take, from when it is due. Then the page gets 504 and the handler's
	// context ends. 0 = 5 s; capped by the daemon; unlimited while it debugs.
	CallTimeout time.Duration
	// MaxConcurrentCalls may run at once; up to 1,024 more wait in the daemon. 0 = 32.
	MaxConcurrentCalls int
	// FailureMode is what pages get when this plugin is too slow, overloaded or gone.
	FailureMode FailureMode
	// ForwardRequestHeaders are the request headers to see; * = all. They take part in the key of
	// remembered and cached results.
	ForwardRequestHeaders []string
}

// FailureMode is what becomes of a request whose plugin did not answer it.
type FailureMode int

const (
	// FailVisibly tells the page by 502, 503 or 504, and which plugin it was. The default.
	FailVisibly FailureMode = iota
	// FailSkipping goes on as if the plugin had skipped; the header pagewire-skipped says so.
	FailSkipping
)

func (o HookOptions) proto() *pb.HookOptions {
	options := &pb.HookOptions{
		MaxConcurrentCalls:    size(o.MaxConcurrentCalls),
		ForwardRequestHeaders: o.ForwardRequestHeaders,
	}
	if o.CallTimeout != 0 {
		options.CallTimeout = durationpb.New(o.CallTimeout)
	}
	if o.FailureMode == FailSkipping {
		options.FailureMode = pb.FailureMode_FAILURE_MODE_SKIP
	}
	return options
}

// A declaredHook is one that a plugin has: what the session needs of it, whatever its kind.
type declaredHook struct {
	kind pb.Hook
	// name is the field of Plugin.
	name    string
	live    *liveFilters
	filters []Filter
	// handled tells that it has a handler.
	handled bool
	open    func(ctx context.Context, session *Session) (openHook, error)
}

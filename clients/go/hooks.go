package pagewire

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// HookOptions are the options that all hooks share. The zero value has all defaults.
type HookOptions struct {
	// CallTimeout is the time limit of one call, including its time in the queue. After it the page gets 504
	// and the handler's context is canceled. 0 = 5 s; capped by the daemon; unlimited with --debug.
	CallTimeout time.Duration
	// MaxConcurrentCalls limits concurrent calls; up to 1,024 more wait in the daemon. 0 = 32.
	MaxConcurrentCalls int
	// FailureMode is what happens when this plugin is too slow, overloaded or disconnected.
	FailureMode FailureMode
	// ForwardRequestHeaders are the request headers to receive; * = all. They are part of the cache key of
	// results.
	ForwardRequestHeaders []string
}

// FailureMode is what happens to a request that a plugin failed to answer.
type FailureMode int

const (
	// FailVisibly answers with 502, 503 or 504 and names the plugin. The default.
	FailVisibly FailureMode = iota
	// FailSkipping continues as if the plugin had skipped; the header pagewire-skipped names the plugin.
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

// A declaredHook is a hook of a plugin, of any type; each session opens it.
type declaredHook struct {
	kind pb.Hook
	// name is the field of Plugin.
	name    string
	live    *liveFilters
	filters []Filter
	// handled is whether it has a handler.
	handled bool
	open    func(ctx context.Context, session *Session) (openHook, error)
}

package pagewire

import (
	"context"

	"google.golang.org/grpc"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// ServePhase is when a serve hook is asked.
type ServePhase int

const (
	// BeforeFiles is ahead of the file system, in the order of the daemon's configuration. The default.
	BeforeFiles ServePhase = iota
	// First is ahead of every plugin, as an editor with unsaved buffers needs.
	First
	// AfterFiles is only when no file answers.
	AfterFiles
)

// A ServeHook answers requests. It must not be copied.
type ServeHook struct {
	// Filters say which requests it is asked about: any may match. They are mandatory: everything is
	// [MatchAll], and an empty list that is not nil is nothing until SetFilters.
	Filters []Filter
	// Handler makes the response. nil or [Skip] leaves the request to the next plugin. An error or a panic
	// is shown in the page; a [Failure] says where in the source the cause is.
	//
	// Calls run at the same time, each in a goroutine of its own. The context ends when the daemon gives
	// the call up; what the handler returns then is thrown away.
	Handler func(ctx context.Context, request *Request) (*Content, error)
	// Phase is when it is asked.
	Phase ServePhase
	// MaxRequestBodyBytes is the largest request body to see; of a larger one the handler sees that it was
	// left out. 0 = none; 16 MiB at most.
	MaxRequestBodyBytes int
	// Options are those of every hook.
	Options HookOptions

	live liveFilters
}

// SetFilters replaces all filters, also while the plugin runs; without one the hook is asked about nothing.
// It returns once they are in force: no later request sees the old ones. While the plugin does not run it
// returns at once, and the hook opens with them.
//
// A filter that the daemon refuses (FIELD_INVALID) ends the plugin. The filters stay set: replace refused
// ones before the plugin is run again.
func (h *ServeHook) SetFilters(ctx context.Context, filters ...Filter) error {
	return h.live.set(ctx, filters)
}

func (h *ServeHook) declare() declaredHook {
	return declaredHook{
		kind: pb.Hook_HOOK_SERVE, name: "Serve", live: &h.live, filters: h.Filters, handled: h.Handler != nil,
		open: func(ctx context.Context, session *Session) (openHook, error) {
			return startHook(ctx, session, h.stream(session))
		},
	}
}

func (h *ServeHook) stream(session *Session) hookKind[pb.ServeRequest, pb.ServeResponse] {
	result := func(id uint64, result *pb.ServeResult) *pb.ServeRequest {
		result.CallId = id
		return &pb.ServeRequest{Message: &pb.ServeRequest_Result{Result: result}}
	}
	return hookKind[pb.ServeRequest, pb.ServeResponse]{
		live: &h.live,
		connect: func(ctx context.Context) (grpc.BidiStreamingClient[pb.ServeRequest, pb.ServeResponse], error) {
			return session.Client.rpc.Serve(ctx)
		},
		open: func(filters []*pb.RequestFilter) *pb.ServeRequest {
			return &pb.ServeRequest{Message: &pb.ServeRequest_Open{Open: &pb.ServeOpen{
				Filters: filters,
				Options: h.Options.proto(),
				Phase: map[ServePhase]pb.ServePhase{
					First:      pb.ServePhase_SERVE_PHASE_FIRST,
					AfterFiles: pb.ServePhase_SERVE_PHASE_AFTER_FILES,
				}[h.Phase],
				MaxRequestBodyBytes: size(h.MaxRequestBodyBytes),
			}}}
		},
		update: func(filters *pb.UpdateFilters) *pb.ServeRequest {
			return &pb.ServeRequest{Message: &pb.ServeRequest_UpdateFilters{UpdateFilters: filters}}
		},
		call: func(down *pb.ServeResponse) (hookCall[pb.ServeRequest], bool) {
			call := down.GetCall()
			if call == nil {
				return hookCall[pb.ServeRequest]{}, false
			}
			request := requestFrom(call.GetRequest(), call.GetTimeRemaining(), session)
			request.Body, request.BodyOmitted = call.GetBody(), call.GetBodyOmitted()
			return hookCall[pb.ServeRequest]{
				id:        call.GetCallId(),
				remaining: call.GetTimeRemaining(),
				handle: func(ctx context.Context) (*pb.ServeRequest, error) {
					content, err := h.Handler(ctx, request)
					outcome := &pb.ServeResult{}
					switch {
					case err != nil:
						return nil, err
					case content == nil:
						outcome.Outcome = &pb.ServeResult_Skip{Skip: &pb.Skip{}}
					case content.skip:
						outcome.Outcome = &pb.ServeResult_Skip{Skip: &pb.Skip{Remember: content.Remember}}
					default:
						outcome.Outcome = &pb.ServeResult_Content{Content: content.proto()}
					}
					return result(call.GetCallId(), outcome), nil
				},
				fail: func(failure *pb.HookFailure) *pb.ServeRequest {
					return result(call.GetCallId(), &pb.ServeResult{Outcome: &pb.ServeResult_Failure{Failure: failure}})
				},
			}, true
		},
	}
}

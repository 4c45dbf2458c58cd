package pagewire

import (
	"context"

	"google.golang.org/grpc"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// ServePhase is when a serve hook is called.
type ServePhase int

const (
	// BeforeFiles calls the hook before the file system, in the order of the daemon's configuration. The
	// default.
	BeforeFiles ServePhase = iota
	// First calls the hook before all other plugins, as an editor with unsaved buffers needs.
	First
	// AfterFiles calls the hook only when no file matches.
	AfterFiles
)

// A ServeHook answers requests. It must not be copied.
type ServeHook struct {
	// Filters select the requests for which the hook is called: any may match. They are mandatory:
	// [MatchAll] matches everything; with an empty list that is not nil, the hook is not called until SetFilters
	// sets some.
	Filters []Filter
	// Handler returns the response. nil or [Skip] passes the request on to the next plugin. An error or a
	// panic is shown in the page; a [Failure] adds the location in the source.
	//
	// Calls run concurrently, each in a goroutine of its own. The context is canceled when the daemon
	// cancels the call; the result of the handler is then discarded.
	Handler func(ctx context.Context, request *Request) (*Content, error)
	// Phase is when the hook is called.
	Phase ServePhase
	// MaxRequestBodyBytes is the largest request body to receive; a larger one is omitted, and reading it is an
	// error ([Request.ReadBody]). 0 = no bodies; at most 16 MiB.
	MaxRequestBodyBytes int
	// Options are the options that all hooks share.
	Options HookOptions

	live liveFilters
}

// SetFilters replaces all filters, also while the plugin runs; without filters the hook is not called. It
// returns once they are active: no later request is matched against the old ones. While the plugin does not run it
// returns immediately, and the hook opens with the new filters later.
//
// If the daemon refuses a filter ([Error] with FIELD_INVALID), the earlier filters stay, also for later connections,
// and the plugin continues. After any other error the hook opens with the new filters at the next connection. An older
// daemon, which cannot report the refusal, ends the plugin.
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

func (h *ServeHook) stream(session *Session) hookType[pb.ServeRequest, pb.ServeResponse] {
	result := func(id uint64, result *pb.ServeResult) *pb.ServeRequest {
		result.CallId = id
		return &pb.ServeRequest{Message: &pb.ServeRequest_Result{Result: result}}
	}
	return hookType[pb.ServeRequest, pb.ServeResponse]{
		name:  "serve",
		field: "Serve",
		live:  &h.live,
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
			request.Body, request.BodyOmitted, request.OmittedBytes = call.GetBody(), call.GetBodyOmitted(), call.GetOmittedBodyBytes()
			// The daemon caps the limit.
			request.MaxRequestBodyBytes = int(min(size(h.MaxRequestBodyBytes), session.ServerInfo.Limits.MaxBodyBytes))
			return hookCall[pb.ServeRequest]{
				id:        call.GetCallId(),
				path:      call.GetRequest().GetPath(),
				remaining: call.GetTimeRemaining(),
				handle: func(ctx context.Context) (*pb.ServeRequest, error) {
					content, err := h.Handler(ctx, request)
					outcome := &pb.ServeResult{}
					switch {
					case err != nil:
						return nil, err
					case content.IsSkip():
						outcome.Outcome = &pb.ServeResult_Skip{Skip: &pb.Skip{Remember: content != nil && content.Remember}}
					case content.check() != nil:
						return nil, content.check()
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

package pagewire

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A Response is one on its way to the page, to be changed: as it stands after the plugins before this one.
type Response struct {
	// Request is what it is for.
	Request *Request
	// Type is its MIME type, parameters included.
	Type string
	// Header are its headers.
	Header http.Header
	// Body is the whole of it.
	Body []byte
}

// Text is the body as text. What is not UTF-8 is a [Failure].
func (r *Response) Text() (string, error) {
	if !utf8.Valid(r.Body) {
		return "", &Failure{Message: r.Request.Path + " is not UTF-8 (save it as UTF-8, or have the plugin leave it out)"}
	}
	return string(r.Body), nil
}

// A Change is what becomes different of a response. What it does not mention stays.
type Change struct {
	// Body is the new body. nil keeps the body; what is empty and not nil empties it: [ChangeBody] and
	// [ChangeText] see to that. 16 MiB at most.
	Body []byte
	// Type is the new MIME type, or a file extension. Empty keeps it.
	Type string
	// Header are headers to set, in place of those of their names. Hop-by-hop headers and Content-Length
	// make the answer a failure of the plugin.
	Header http.Header
	// RemoveHeaders are names of headers to remove, before Header are set.
	RemoveHeaders []string
	// NoCache has the daemon ask again for the next request. Else it keeps what came of this response, no
	// change too: until the response or a file that the change depends on is another, it is invalidated, or
	// a plugin leaves.
	NoCache bool
	// DependsOn are further files, as absolute paths, whose change makes a cached result stale.
	DependsOn []string
}

// ChangeBody is a new body; it may be empty, and nil is.
func ChangeBody(body []byte) *Change {
	if body == nil {
		body = []byte{}
	}
	return &Change{Body: body}
}

// ChangeText is a new body; it may be empty.
func ChangeText(body string) *Change { return ChangeBody([]byte(body)) }

func (c *Change) proto() *pb.TransformContent {
	content := &pb.TransformContent{
		Body:           c.Body,
		ContentType:    valid(c.Type),
		Headers:        headerProto(c.Header),
		NoCache:        c.NoCache,
		DependsOnFiles: allValid(c.DependsOn),
	}
	for _, name := range c.RemoveHeaders {
		content.RemoveHeaders = append(content.RemoveHeaders, valid(strings.ToLower(name)))
	}
	return content
}

// A TransformHook changes responses, wherever they come from. It must not be copied.
//
// What comes of a response is cached, no change too: an unchanged one is not asked about again, unless the
// [Change] says NoCache.
type TransformHook struct {
	// Filters say which responses it is asked about, as for [ServeHook]. [MatchMIME] is the usual one.
	Filters []Filter
	// Handler makes the change; nil leaves the response as it is. Otherwise as for [ServeHook].
	Handler func(ctx context.Context, response *Response) (*Change, error)
	// MaxBodyBytes is the largest body to change; a larger response passes this plugin by, and a header of it
	// says so. 0 = 1 MiB.
	MaxBodyBytes int
	// Options are those of every hook.
	Options HookOptions

	live liveFilters
}

// SetFilters is as [ServeHook.SetFilters].
func (h *TransformHook) SetFilters(ctx context.Context, filters ...Filter) error {
	return h.live.set(ctx, filters)
}

func (h *TransformHook) declare() declaredHook {
	return declaredHook{
		kind: pb.Hook_HOOK_TRANSFORM, name: "Transform", live: &h.live, filters: h.Filters, handled: h.Handler != nil,
		open: func(ctx context.Context, session *Session) (openHook, error) {
			return startHook(ctx, session, h.stream(session))
		},
	}
}

func (h *TransformHook) stream(session *Session) hookKind[pb.TransformRequest, pb.TransformResponse] {
	result := func(id uint64, result *pb.TransformResult) *pb.TransformRequest {
		result.CallId = id
		return &pb.TransformRequest{Message: &pb.TransformRequest_Result{Result: result}}
	}
	return hookKind[pb.TransformRequest, pb.TransformResponse]{
		live: &h.live,
		connect: func(ctx context.Context) (grpc.BidiStreamingClient[pb.TransformRequest, pb.TransformResponse], error) {
			return session.Client.rpc.Transform(ctx)
		},
		open: func(filters []*pb.RequestFilter) *pb.TransformRequest {
			return &pb.TransformRequest{Message: &pb.TransformRequest_Open{Open: &pb.TransformOpen{
				Filters: filters, Options: h.Options.proto(), MaxBodyBytes: size(h.MaxBodyBytes),
			}}}
		},
		update: func(filters *pb.UpdateFilters) *pb.TransformRequest {
			return &pb.TransformRequest{Message: &pb.TransformRequest_UpdateFilters{UpdateFilters: filters}}
		},
		call: func(down *pb.TransformResponse) (hookCall[pb.TransformRequest], bool) {
			call := down.GetCall()
			if call == nil {
				return hookCall[pb.TransformRequest]{}, false
			}
			response := &Response{
				Request: requestFrom(call.GetRequest(), call.GetTimeRemaining(), session),
				Type:    call.GetContentType(),
				Header:  headerFrom(call.GetResponseHeaders()),
				Body:    call.GetBody(),
			}
			return hookCall[pb.TransformRequest]{
				id:        call.GetCallId(),
				remaining: call.GetTimeRemaining(),
				handle: func(ctx context.Context) (*pb.TransformRequest, error) {
					change, err := h.Handler(ctx, response)
					if err != nil {
						return nil, err
					}
					outcome := &pb.TransformResult{Outcome: &pb.TransformResult_Skip{Skip: &pb.Skip{}}}
					if change != nil {
						outcome.Outcome = &pb.TransformResult_Content{Content: change.proto()}
					}
					return result(call.GetCallId(), outcome), nil
				},
				fail: func(failure *pb.HookFailure) *pb.TransformRequest {
					return result(call.GetCallId(), &pb.TransformResult{Outcome: &pb.TransformResult_Failure{Failure: failure}})
				},
			}, true
		},
	}
}

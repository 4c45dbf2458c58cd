package pagewire

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A Response is a response to transform, including the changes of earlier plugins.
type Response struct {
	// Request is the request that it answers.
	Request *Request
	// ContentType is its MIME type, including parameters.
	ContentType string
	// Type is ContentType.
	//
	// Deprecated: use ContentType.
	Type string
	// Header has its headers.
	Header http.Header
	// Body is its complete body.
	Body []byte
}

// Text returns the body as text. The error is a [Failure] if the body is not UTF-8.
func (r *Response) Text() (string, error) {
	if !utf8.Valid(r.Body) {
		return "", &Failure{Message: r.Request.Path + " is not UTF-8 (save it as UTF-8, or exclude it in the plugin)"}
	}
	return string(r.Body), nil
}

// A Change is a set of changes to a response. Everything else of the response stays.
type Change struct {
	// Body is the new body. nil leaves the body unchanged; an empty slice makes it empty, as [ChangeBody] and
	// [ChangeText] do for empty arguments. At most 16 MiB.
	Body []byte
	// ContentType is the new MIME type, or a file extension. Empty leaves it unchanged.
	ContentType string
	// Type is the earlier name of ContentType, which takes precedence if both are set.
	//
	// Deprecated: use ContentType.
	Type string
	// Header has headers to set, replacing all of the same name. Hop-by-hop headers and Content-Length are
	// refused: the page gets an error.
	Header http.Header
	// RemoveHeaders are names of headers to remove before Header is set.
	RemoveHeaders []string
	// NoCache prevents caching: the plugin is called again for the next request. Otherwise the result,
	// including nil, is cached until the response changes, it is invalidated, a file it depends on changes, or
	// the plugin disconnects.
	NoCache bool
	// DependsOn are further files, as absolute paths, whose change makes the cached result stale.
	DependsOn []string
}

// ChangeBody returns a change of the body, which becomes empty if the argument is empty or nil.
func ChangeBody(body []byte) *Change {
	if body == nil {
		body = []byte{}
	}
	return &Change{Body: body}
}

// ChangeText returns a change of the body, which may be empty.
func ChangeText(body string) *Change { return ChangeBody([]byte(body)) }

func (c *Change) proto() *pb.TransformContent {
	content := &pb.TransformContent{
		Body:           c.Body,
		ContentType:    toValidUTF8(cmp.Or(c.ContentType, c.Type)),
		Headers:        headerProto(c.Header),
		NoCache:        c.NoCache,
		DependsOnFiles: allToValidUTF8(c.DependsOn),
	}
	for _, name := range c.RemoveHeaders {
		content.RemoveHeaders = append(content.RemoveHeaders, toValidUTF8(strings.ToLower(name)))
	}
	return content
}

// A TransformHook changes responses, whatever their source. It must not be copied.
//
// Results are cached, including nil: the handler is not called again for an unchanged response, unless the
// [Change] has NoCache.
type TransformHook struct {
	// Filters select the responses for which the hook is called, as for [ServeHook]. [MatchMIME] is the usual
	// one.
	Filters []Filter
	// Handler returns the change; nil leaves the response unchanged. Otherwise as for [ServeHook].
	Handler func(ctx context.Context, response *Response) (*Change, error)
	// MaxBodyBytes is the largest body to transform. A larger response is passed on unchanged, and its
	// pagewire-skipped header names this plugin. 0 = 1 MiB.
	MaxBodyBytes int
	// Options are the options that all hooks share.
	Options HookOptions

	live liveFilters
}

// SetFilters replaces all filters: see [ServeHook.SetFilters].
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

func (h *TransformHook) stream(session *Session) hookType[pb.TransformRequest, pb.TransformResponse] {
	result := func(id uint64, result *pb.TransformResult) *pb.TransformRequest {
		result.CallId = id
		return &pb.TransformRequest{Message: &pb.TransformRequest_Result{Result: result}}
	}
	return hookType[pb.TransformRequest, pb.TransformResponse]{
		name:  "transform",
		field: "Transform",
		live:  &h.live,
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
				Request:     requestFrom(call.GetRequest(), call.GetTimeRemaining(), session),
				ContentType: call.GetContentType(),
				Type:        call.GetContentType(),
				Header:      headerFrom(call.GetResponseHeaders()),
				Body:        call.GetBody(),
			}
			return hookCall[pb.TransformRequest]{
				id:        call.GetCallId(),
				path:      call.GetRequest().GetPath(),
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

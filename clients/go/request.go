package pagewire

import (
	"net/http"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A Request is an HTTP request of a page: the request to serve, the request that a response answers, or the
// request for an importing module.
type Request struct {
	// Method is the HTTP method, upper-case.
	Method string
	// Path is the URL path: percent-decoded once, without dot segments, beginning with /.
	Path string
	// Query is the query as received, without the question mark. Empty = none.
	Query string
	// RawTarget is the request target as received, neither decoded nor normalized.
	RawTarget string
	// Host is the requested host, including the port.
	Host string
	// Header has the headers requested with [HookOptions.ForwardRequestHeaders].
	Header http.Header
	// Traceparent is the W3C trace context. Empty = none.
	Traceparent string
	// FilePath is the absolute path, on the daemon's machine, of the file that would answer it. Empty = none.
	FilePath string
	// Body is the request body, if requested with [ServeHook.MaxRequestBodyBytes]. Empty if it was omitted.
	//
	// Deprecated: use [Request.ReadBody], which returns an error if the body was omitted.
	Body []byte
	// BodyOmitted is whether the body was omitted because it exceeds MaxRequestBodyBytes.
	BodyOmitted bool
	// OmittedBytes is the announced size of an omitted body. 0 = unknown, or not omitted.
	OmittedBytes uint64
	// MaxRequestBodyBytes is the limit for request bodies: that of the hook, or of the daemon if that is smaller.
	MaxRequestBodyBytes int
	// TimeRemaining is the time left when the call arrived; the handler's context has the deadline.
	// 0 = unlimited.
	TimeRemaining time.Duration
	// Session is the session of the plugin; its Client is the connection to use.
	Session *Session
}

// ReadBody returns the request body. The error is a [BodyTooLargeError] if it is larger than
// [ServeHook.MaxRequestBodyBytes], which by default is 0; a handler may return it as its own.
func (r *Request) ReadBody() ([]byte, error) {
	if r.BodyOmitted {
		return nil, &BodyTooLargeError{r.OmittedBytes, r.MaxRequestBodyBytes}
	}
	return r.Body, nil
}

func requestFrom(request *pb.RequestContext, remaining *durationpb.Duration, session *Session) *Request {
	return &Request{
		Method:        request.GetMethod(),
		Path:          request.GetPath(),
		Query:         request.GetQuery(),
		RawTarget:     request.GetRawTarget(),
		Host:          request.GetHost(),
		Header:        headerFrom(request.GetHeaders()),
		Traceparent:   request.GetTraceparent(),
		FilePath:      request.GetFilePath(),
		TimeRemaining: remaining.AsDuration(),
		Session:       session,
	}
}

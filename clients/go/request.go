package pagewire

import (
	"net/http"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A Request is a page's HTTP request: to be answered, or the one that a response or a module is for.
type Request struct {
	// Method is the HTTP method, upper-case.
	Method string
	// Path is the URL path: percent-decoded once, without dot segments, beginning with /.
	Path string
	// Query is what was received, without the question mark. Empty = none.
	Query string
	// RawTarget is the request target as received, neither decoded nor normalised.
	RawTarget string
	// Host is what it was asked of, port included.
	Host string
	// Header are those that [HookOptions.ForwardRequestHeaders] asks for.
	Header http.Header
	// Traceparent is the W3C trace context. Empty = none.
	Traceparent string
	// FilePath is the file that would answer it, absolute, on the daemon's machine. Empty = there is none.
	FilePath string
	// Body is the request's, if [ServeHook.MaxRequestBodyBytes] asks for bodies.
	Body []byte
	// BodyOmitted tells that it had a body which is larger than that.
	BodyOmitted bool
	// TimeRemaining is what was left when the call arrived here; the handler's context has the deadline.
	// 0 = unlimited.
	TimeRemaining time.Duration
	// Session is the running plugin's view of its daemon; its Client is the connection to use.
	Session *Session
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

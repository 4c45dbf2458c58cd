package pagewire

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// reasonDomain is the domain of the reasons in the daemon's errors.
const reasonDomain = "pagewire.v1"

// An Error is a call that the daemon refused or ended.
//
// For [errors.Is], an Error with [codes.DeadlineExceeded] is also [context.DeadlineExceeded], and one with
// [codes.Canceled] is also [context.Canceled].
type Error struct {
	// Code is the gRPC status. [codes.Unavailable] is the only one worth a retry.
	Code codes.Code
	// Reason is the daemon's machine-readable reason, such as TOKEN_INVALID, FIELD_INVALID or
	// PLUGIN_NAME_TAKEN. Empty when the error comes from the gRPC library (an oversized message).
	Reason string
	// Message is the description for people.
	Message string
	// Violations are the invalid fields, with FIELD_INVALID.
	Violations []FieldViolation
	// Fields are Violations.
	//
	// Deprecated: use Violations.
	Fields []FieldViolation
}

// The causes for which the context of a handler ends. [context.Cause] returns an error that is one of them for
// [errors.Is]; any other is the error that ended the session.
var (
	// ErrBrowserGone: the browser dropped the request.
	ErrBrowserGone = errors.New("the browser dropped the request")
	// ErrDeadline: the call's time limit ([HookOptions.CallTimeout]) has passed. It is also
	// [context.DeadlineExceeded], as is the error of the context.
	ErrDeadline = fmt.Errorf("the call took too long: %w", context.DeadlineExceeded)
	// ErrStopping: the daemon or the plugin stops, and the handler has not finished within the grace period.
	ErrStopping = errors.New("the daemon or the plugin stops")
	// ErrConnectionLost: the connection to the daemon was lost. Every [DisconnectedError] is it, too.
	ErrConnectionLost = errors.New("the connection to the daemon was lost")
)

// A FieldViolation is a field of a request that the daemon refused.
type FieldViolation struct {
	// Field is its path in the request, such as target.ids.socket_ids.
	Field string
	// Description is what is wrong with it.
	Description string
}

// addViolation adds an invalid field.
func (e *Error) addViolation(field, description string) {
	e.Violations = append(e.Violations, FieldViolation{field, description})
	e.Fields = e.Violations
}

// Error returns the message, the invalid fields, and the code and reason.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(e.Message)
	if e.Message == "" {
		text.WriteString("the daemon refused the call")
	}
	for _, field := range e.Violations {
		if !strings.Contains(e.Message, field.Description) {
			fmt.Fprintf(&text, "; %s: %s", field.Field, field.Description)
		}
	}
	if e.Reason == "" {
		fmt.Fprintf(&text, " (%s)", e.Code)
	} else {
		fmt.Fprintf(&text, " (%s/%s)", e.Code, e.Reason)
	}
	return text.String()
}

// Is reports whether target is the context error that corresponds to the code.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled
	}
	return false
}

// Reason returns the reason of the [Error] in err's tree, or an empty string without one.
func Reason(err error) string {
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.Reason
	}
	return ""
}

// An EndpointError reports a text that is not an endpoint, or an endpoint whose token cannot be sent.
type EndpointError struct {
	// Value is the text.
	Value string
	// Problem is what is wrong with it, and the remedy.
	Problem string
}

func (e *EndpointError) Error() string { return fmt.Sprintf("endpoint `%s` %s", e.Value, e.Problem) }

// A TokenFileError reports a token file that cannot be read or is empty.
type TokenFileError struct {
	// Path is the file.
	Path string
	// Err is what is wrong with it.
	Err error
}

func (e *TokenFileError) Error() string {
	return fmt.Sprintf("cannot read the token from %s: %v (pass the file that the daemon wrote)", e.Path, e.Err)
}

// Unwrap returns Err.
func (e *TokenFileError) Unwrap() error { return e.Err }

// A NoDaemonError reports that no daemon was named, and none is running.
type NoDaemonError struct {
	// Err is why discovery failed, if it did. Otherwise nil.
	Err error
}

func (e *NoDaemonError) Error() string {
	why := ""
	if e.Err != nil {
		why = ": " + e.Err.Error()
	}
	return "no daemon is running" + why + " (start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT to the control address that it prints when it is ready)"
}

// Unwrap returns Err.
func (e *NoDaemonError) Unwrap() error { return e.Err }

// A SeveralDaemonsError reports that no daemon was named, and several are equally likely.
type SeveralDaemonsError struct {
	// Folder is the folder for which a daemon was searched.
	Folder string
	// Daemons are the candidates.
	Daemons []Daemon
}

func (e *SeveralDaemonsError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d daemons match %s (pass the control address of one, or set PAGEWIRE_ENDPOINT to it)",
		len(e.Daemons), e.Folder)
	for _, daemon := range e.Daemons {
		text.WriteString("\n  " + daemon.String())
	}
	return text.String()
}

// A ConnectError reports that no daemon responds at the endpoint.
type ConnectError struct {
	// Endpoint is the address, without its token.
	Endpoint string
	// Err is the cause, such as "connection refused".
	Err error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("cannot connect to the daemon at %s: %v (start `pagewire`, or pass the control endpoint that it prints when it is ready)",
		e.Endpoint, e.Err)
}

// Unwrap returns Err.
func (e *ConnectError) Unwrap() error { return e.Err }

// A DisconnectedError reports that the connection was lost during a call, whose effect is therefore unknown.
type DisconnectedError struct {
	// Err is the cause.
	Err error
}

func (e *DisconnectedError) Error() string {
	return fmt.Sprintf("lost the connection to the daemon: %v (see its log; connect again once it is running)", e.Err)
}

// Unwrap returns Err.
func (e *DisconnectedError) Unwrap() error { return e.Err }

// Is reports whether target is [ErrConnectionLost].
func (e *DisconnectedError) Is(target error) bool { return target == ErrConnectionLost }

// A BodyTooLargeError reports that a request body was omitted because the hook does not accept one of this size. If
// the handler returns it, the page gets status 413, or 500 if the hook does not request bodies.
type BodyTooLargeError struct {
	// Bytes is the announced size of the body. 0 = unknown.
	Bytes uint64
	// Limit is the largest accepted size. 0 = the hook does not request bodies.
	Limit int
}

func (e *BodyTooLargeError) Error() string {
	if e.Limit == 0 {
		return "this hook does not request bodies (set MaxRequestBodyBytes)"
	}
	size := fmt.Sprintf("more than %d", e.Limit)
	if e.Bytes != 0 {
		size = fmt.Sprint(e.Bytes)
	}
	return fmt.Sprintf("the request's body has %s bytes, but this hook accepts at most %d bytes (MaxRequestBodyBytes)", size, e.Limit)
}

// A PluginError reports an invalid plugin, or one whose start or stop handler failed.
type PluginError struct {
	// Plugin is the plugin's name.
	Plugin string
	// Problem is what is wrong, and the remedy.
	Problem string
	// Err is the error of the handler, if one failed. Otherwise nil.
	Err error
}

func (e *PluginError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("plugin `%s`: %s: %v", e.Plugin, e.Problem, e.Err)
	}
	return fmt.Sprintf("plugin `%s`: %s", e.Plugin, e.Problem)
}

// Unwrap returns Err.
func (e *PluginError) Unwrap() error { return e.Err }

// unexpected reports a response that violates the contract.
func unexpected(problem string) error {
	return fmt.Errorf("unexpected response of the daemon: %s (check that the daemon's version matches this library's)", problem)
}

// fromRPC converts the error of a gRPC call. The context is that of the call.
func fromRPC(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	state := status.Convert(err)
	refused := &Error{Code: state.Code(), Message: state.Message()}
	for _, detail := range state.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == reasonDomain {
				refused.Reason = detail.GetReason()
			}
		case *errdetails.BadRequest:
			for _, field := range detail.GetFieldViolations() {
				refused.addViolation(field.GetField(), field.GetDescription())
			}
		}
	}
	if refused.Reason != "" {
		return refused
	}
	// An error without a reason comes from the gRPC library.
	switch refused.Code {
	case codes.Unavailable:
		return &DisconnectedError{errors.New(refused.Message)}
	case codes.Canceled:
		if ctx.Err() == nil {
			return &DisconnectedError{errors.New(refused.Message)}
		}
		refused.Message = "the call was canceled"
	case codes.DeadlineExceeded:
		refused.Reason = "DEADLINE"
		refused.Message = "the deadline passed before the daemon responded"
	}
	return refused
}

// fromFiltersError converts the reason of a refused update of filters. It returns nil for nil.
func fromFiltersError(refusal *pb.FiltersError) error {
	if refusal == nil {
		return nil
	}
	refused := &Error{Code: codes.Code(refusal.GetCode()), Reason: refusal.GetReason(), Message: refusal.GetMessage()}
	for _, field := range refusal.GetFieldViolations() {
		refused.addViolation(field.GetField(), field.GetDescription())
	}
	return refused
}

// fromContext returns the error of a context that ended during a call.
func fromContext(ctx context.Context) error {
	return fromRPC(ctx, status.FromContextError(ctx.Err()).Err())
}

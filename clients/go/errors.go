package pagewire

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// reasonDomain is the domain of the reasons in the daemon's errors.
const reasonDomain = "pagewire.v1"

// An Error is what the daemon refused or ended.
//
// An Error with [codes.DeadlineExceeded] is also [context.DeadlineExceeded], and one with
// [codes.Canceled] is [context.Canceled], for [errors.Is].
type Error struct {
	// Code is the gRPC status. [codes.Unavailable] is the only one worth a retry.
	Code codes.Code
	// Reason is the daemon's word for the fault: TOKEN_INVALID, FIELD_INVALID, PLUGIN_NAME_TAKEN,
	// ... Empty when the fault is the gRPC library's own, a message that is too large say.
	Reason string
	// Message says what is wrong, for people.
	Message string
	// Fields are those at fault, with FIELD_INVALID.
	Fields []FieldViolation
}

// A FieldViolation is a field of a request that the daemon refused.
type FieldViolation struct {
	// Field is its path in the request: target.ids.socket_ids, say.
	Field string
	// Description says what is wrong with it.
	Description string
}

// Error says what is wrong, the fields at fault, and the code and reason.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(e.Message)
	if e.Message == "" {
		text.WriteString("the daemon refused")
	}
	for _, field := range e.Fields {
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

// Is tells that the error is that of a context which ended.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled
	}
	return false
}

// Reason returns the daemon's word for the fault, if an [Error] that has one is in err's tree. Else
// it is empty.
func Reason(err error) string {
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.Reason
	}
	return ""
}

// An EndpointError is a text that is no endpoint, or an endpoint whose token cannot be sent.
type EndpointError struct {
	// Value is the text.
	Value string
	// Problem says what is wrong with it, and the remedy.
	Problem string
}

func (e *EndpointError) Error() string { return fmt.Sprintf("endpoint `%s` %s", e.Value, e.Problem) }

// A TokenFileError is a file that should hold a token and is of no use.
type TokenFileError struct {
	// Path is the file.
	Path string
	// Err says what is wrong with it.
	Err error
}

func (e *TokenFileError) Error() string {
	return fmt.Sprintf("cannot read the token from %s: %v (pass the file that the daemon wrote)", e.Path, e.Err)
}

// Unwrap returns Err.
func (e *TokenFileError) Unwrap() error { return e.Err }

// A NoDaemonError says that nothing names a daemon, and none runs.
type NoDaemonError struct {
	// Err says why none can be found, if that is not all there is to say. Else it is nil.
	Err error
}

func (e *NoDaemonError) Error() string {
	why := ""
	if e.Err != nil {
		why = ": " + e.Err.Error()
	}
	return "no daemon runs here" + why + " (start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT to the control address that its ready line names)"
}

// Unwrap returns Err.
func (e *NoDaemonError) Unwrap() error { return e.Err }

// A SeveralDaemonsError says that nothing names a daemon, and several could be meant.
type SeveralDaemonsError struct {
	// Folder is the one for which a daemon was looked for.
	Folder string
	// Daemons are those that could be meant.
	Daemons []Daemon
}

func (e *SeveralDaemonsError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d daemons could be meant in %s (name one: pass its control address, or set PAGEWIRE_ENDPOINT to it)",
		len(e.Daemons), e.Folder)
	for _, daemon := range e.Daemons {
		text.WriteString("\n  " + daemon.String())
	}
	return text.String()
}

// A ConnectError says that nothing that speaks the contract answers at the endpoint.
type ConnectError struct {
	// Endpoint is the address, without its token.
	Endpoint string
	// Err is the cause, "connection refused" say.
	Err error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("cannot connect to the daemon at %s: %v (start `pagewire`, or pass the control endpoint that its ready line names)",
		e.Endpoint, e.Err)
}

// Unwrap returns Err.
func (e *ConnectError) Unwrap() error { return e.Err }

// A DisconnectedError says that the connection broke during a call, whose effect is therefore unknown.
type DisconnectedError struct {
	// Err is the cause.
	Err error
}

func (e *DisconnectedError) Error() string {
	return fmt.Sprintf("lost the connection to the daemon: %v (see its log; connect again once it runs)", e.Err)
}

// Unwrap returns Err.
func (e *DisconnectedError) Unwrap() error { return e.Err }

// A PluginError is a plugin that was put together wrongly, or whose start or stop handler failed.
type PluginError struct {
	// Plugin is its name.
	Plugin string
	// Problem says what is wrong.
	Problem string
	// Err is what the handler failed with, if one did. Else it is nil.
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

// unexpected is something that the contract does not allow the daemon to say.
func unexpected(what string) error {
	return fmt.Errorf("unexpected answer of the daemon: %s (do its version and this library's fit?)", what)
}

// fromRPC turns what a gRPC call failed with into an error of ours. The context is the call's.
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
				refused.Fields = append(refused.Fields, FieldViolation{field.GetField(), field.GetDescription()})
			}
		}
	}
	if refused.Reason != "" {
		return refused
	}
	// Without a reason it is the gRPC library's own.
	switch refused.Code {
	case codes.Unavailable:
		return &DisconnectedError{errors.New(refused.Message)}
	case codes.Canceled:
		if ctx.Err() == nil {
			return &DisconnectedError{errors.New(refused.Message)}
		}
		refused.Message = "the call was given up"
	case codes.DeadlineExceeded:
		refused.Reason = "DEADLINE"
		refused.Message = "the deadline passed before the daemon answered"
	}
	return refused
}

// fromContext is the error of a context that ended while a call was under way.
func fromContext(ctx context.Context) error {
	return fromRPC(ctx, status.FromContextError(ctx.Err()).Err())
}

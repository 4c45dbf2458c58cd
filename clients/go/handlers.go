package pagewire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
)

// maxStackFrames limits the frames of a panic's stack.
const maxStackFrames = 100

// A panicError is the panic of a handler.
type panicError struct {
	message, stack string
}

// Error returns the message and the stack.
func (e *panicError) Error() string { return e.message + "\n" + e.stack }

// guarded runs a handler and converts a panic into an error with its stack.
func guarded[T any](handler func() (T, error)) (result T, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = &panicError{fmt.Sprintf("the handler panicked: %v", reason), panicStack()}
		}
	}()
	return handler()
}

// panicStack returns the stack of the panic that the calling deferred function has recovered, in the format of package
// runtime/debug. It begins with the function that panicked: the daemon logs only the first rows.
func panicStack() string {
	counters := make([]uintptr, maxStackFrames)
	frames := runtime.CallersFrames(counters[:runtime.Callers(0, counters)])
	var stack strings.Builder
	for inPanic, more := false, true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if stack.Len() == 0 && strings.HasPrefix(frame.Function, "runtime.") {
			inPanic = inPanic || frame.Function == "runtime.gopanic"
			continue
		}
		if inPanic {
			fmt.Fprintf(&stack, "%s(...)\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
		}
	}
	return stack.String()
}

// guardedCall is like guarded, for a handler that returns only an error.
func guardedCall(handler func() error) error {
	_, err := guarded(func() (struct{}, error) { return struct{}{}, handler() })
	return err
}

// failureFrom converts the error of a handler into a failure.
func failureFrom(err error) *Failure {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure
	}
	if panicked, ok := errors.AsType[*panicError](err); ok {
		return &Failure{Message: panicked.message, Stack: panicked.stack}
	}
	failure := &Failure{Message: err.Error()}
	if omitted, ok := errors.AsType[*BodyTooLargeError](err); ok && omitted.Limit > 0 {
		failure.Status = http.StatusRequestEntityTooLarge
	}
	return failure
}

// logFailure logs the error of a handler, and what it handled.
func (p *Plugin) logFailure(ctx context.Context, what string, err error) {
	p.logger().ErrorContext(ctx, fmt.Sprintf("%s failed: %v", what, err))
}

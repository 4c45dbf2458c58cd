package pagewire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

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
			err = &panicError{fmt.Sprintf("the handler panicked: %v", reason), string(debug.Stack())}
		}
	}()
	return handler()
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

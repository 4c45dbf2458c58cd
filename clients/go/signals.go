package pagewire

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that SIGINT and SIGTERM end as well. Once it has ended, signals have their previous
// effect again, so that a second one ends the program.
func untilSignal(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop = func() {
		signal.Stop(signals)
		cancel()
	}
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		stop()
	}()
	return ctx, stop
}

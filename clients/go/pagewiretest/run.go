package pagewiretest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	pagewire "pagewire.dev/client"
)

// Run runs a plugin until the test ends, and returns its first session once it is connected: its hooks are open and its
// ServerStart has returned. While it runs, Run sets the plugin's Endpoint to the daemon's, its Logger to the test's log
// unless it has one, and NoSignalHandling. A plugin that does not start, or that ends with an error, fails the test.
func Run(t testing.TB, plugin *pagewire.Plugin, daemon *Daemon) *pagewire.Session {
	t.Helper()
	endpoint, logger, noSignals, serverStart := plugin.Endpoint, plugin.Logger, plugin.NoSignalHandling, plugin.ServerStart
	started, ended := make(chan *pagewire.Session, 1), make(chan error, 1)
	plugin.Endpoint, plugin.NoSignalHandling = daemon.Endpoint, true
	if logger == nil {
		plugin.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	plugin.ServerStart = func(ctx context.Context, session *pagewire.Session) error {
		if serverStart != nil {
			if err := serverStart(ctx, session); err != nil {
				return err
			}
		}
		select {
		case started <- session:
		default: // It has reconnected.
		}
		return nil
	}
	// Not the test's context, which ends before the functions of t.Cleanup are called.
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		ended <- plugin.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the plugin ended: %v", err)
		}
		plugin.Endpoint, plugin.Logger, plugin.NoSignalHandling, plugin.ServerStart = endpoint, logger, noSignals, serverStart
	})
	select {
	case session := <-started:
		return session
	case err := <-ended:
		t.Fatalf("the plugin did not start: %v", err)
	case <-time.After(startTimeout):
		t.Fatalf("the plugin was not connected within %s", startTimeout)
	}
	panic("unreachable")
}

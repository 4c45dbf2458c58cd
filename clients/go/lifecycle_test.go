package pagewire_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	pagewire "pagewire.dev/client"
)

func TestCallsAndEventsWaitForServerStart(t *testing.T) {
	d := startDaemon(t)
	starting, gate, handled := make(chan struct{}), make(chan struct{}), make(chan string, 10)
	hook := serve(func(_ context.Context, r *pagewire.Request) (*pagewire.Content, error) {
		handled <- r.Path
		return pagewire.Text("plugin"), nil
	}, pagewire.MatchPrefix("/v/"))
	hook.Options.CallTimeout = 2 * time.Second
	plugin := &pagewire.Plugin{
		Name: "slow", Serve: hook,
		ServerStart: func(context.Context, *pagewire.Session) error {
			close(starting)
			<-gate
			handled <- "start"
			return nil
		},
		OnRequest: map[string]pagewire.RequestHandler{"ask": func(context.Context, *pagewire.Message, *pagewire.Client) (any, error) {
			handled <- "ask"
			return "answer", nil
		}},
	}
	ctx, stop := context.WithCancel(within(t))
	ended := make(chan error, 1)
	go func() { ended <- plugin.Run(ctx) }()
	next(t, starting, "the call of ServerStart")
	p := d.page(nil)
	p.sendText(`{"type":"ask","id":1,"pagewire:request":true}`)
	status, body, header := d.get("/v/late")
	if status != 503 || header.Get("pagewire-plugin") != "slow" || !strings.Contains(body, "is still starting: ServerStart (server_start) has not returned") {
		t.Error(status, body)
	}
	waiting := make(chan string, 1)
	go func() {
		_, body, _ := d.get("/v/waits")
		waiting <- body
	}()
	// The daemon counts a call when it sends it.
	for client := d.client(); ; {
		plugins, err := client.Plugins(within(t))
		if err != nil || len(plugins) != 1 {
			t.Fatal(plugins, err)
		}
		if plugins[0].Calls == 2 {
			break
		}
	}
	close(gate)
	if body := next(t, waiting, "the response of the call that waits"); body != "plugin" {
		t.Error(body)
	}
	if reply := p.receive(); reply["response"] != "answer" {
		t.Error(reply)
	}
	if first := <-handled; first != "start" {
		t.Error(first, "did not wait")
	}
	after := []string{<-handled, <-handled}
	slices.Sort(after)
	if !slices.Equal(after, []string{"/v/waits", "ask"}) {
		t.Error(after)
	}
	stop()
	if err := next(t, ended, "the end of the plugin"); err != nil {
		t.Error(err)
	}
}

func TestLogsItsConnectionsThroughTheLoggerOfTheMoment(t *testing.T) {
	d := startDaemon(t)
	// SetDefault also makes package log write to the new logger, and does not undo that.
	logger, output, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(logger)
		log.SetOutput(output)
		log.SetFlags(flags)
	})
	early, late := make(logLines, 10), make(logLines, 10)
	slog.SetDefault(slog.New(early))
	started, ended, stop := d.run(&pagewire.Plugin{Name: "p"})
	silent, _, _ := d.run(&pagewire.Plugin{Name: "silent", Logger: slog.New(slog.DiscardHandler)})
	next(t, started, "the first start")
	next(t, silent, "the first start of the silent plugin")
	if line := next(t, early, "a log line"); line != fmt.Sprintf("INFO connected to %s as \"p\"", d.HTTP) {
		t.Error(line)
	}
	slog.SetDefault(slog.New(late))
	d.stop()
	if line := next(t, late, "a log line"); line != "WARN lost the daemon: it has stopped; connecting again in 0.2 s" {
		t.Error(line)
	}
	d.start()
	if line := next(t, late, "a log line"); line != fmt.Sprintf("INFO connected to %s again as \"p\"", d.HTTP) {
		t.Error(line)
	}
	next(t, silent, "the second start of the silent plugin")
	stop()
	next(t, ended, "the end of the plugin")
	if len(early) != 0 || len(late) != 0 {
		t.Error("further lines", len(early), len(late))
	}
}

// logLines receives each log record as a line: its level and its message.
type logLines chan string

func (l logLines) Enabled(context.Context, slog.Level) bool { return true }

func (l logLines) Handle(_ context.Context, record slog.Record) error {
	l <- record.Level.String() + " " + record.Message
	return nil
}

func (l logLines) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l logLines) WithGroup(string) slog.Handler { return l }

func TestLogsTheErrorOfEveryHandler(t *testing.T) {
	d := startDaemon(t)
	d.write("a.txt", "file")
	d.write("m.js", "import 'x';")
	lines := make(logLines, 20)
	broken := errors.New("broken")
	socketBroken := func(context.Context, *pagewire.Socket, *pagewire.Client) error { return broken }
	d.run(&pagewire.Plugin{
		Name: "broken", Logger: slog.New(lines),
		Serve: serve(func(_ context.Context, r *pagewire.Request) (*pagewire.Content, error) {
			if r.Path == "/v/panic" {
				panic("oh")
			}
			return nil, &pagewire.Failure{Message: "cannot compile", File: "src/a.vue", Line: 3}
		}, pagewire.MatchPrefix("/v/")),
		Transform: &pagewire.TransformHook{
			Filters: []pagewire.Filter{pagewire.MatchPath("/a.txt")},
			Handler: func(context.Context, *pagewire.Response) (*pagewire.Change, error) { return nil, broken },
		},
		ResolveImport: &pagewire.ResolveImportHook{
			Filters: []pagewire.Filter{pagewire.MatchAll()},
			Handler: func(context.Context, *pagewire.Imports) (*pagewire.Resolved, error) { return nil, broken },
		},
		OnMessage: map[string]pagewire.MessageHandler{"say": func(context.Context, *pagewire.Message, *pagewire.Client) error {
			return broken
		}},
		OnRequest: map[string]pagewire.RequestHandler{"ask": func(context.Context, *pagewire.Message, *pagewire.Client) (any, error) {
			panic("oh")
		}},
		OnSocketOpened: socketBroken, OnSocketReady: socketBroken,
		OnSocketClosed: func(context.Context, *pagewire.SocketClosed, *pagewire.Client) error { return broken },
	})
	next(t, lines, "the line of the connection")
	expect := func(expected string) string {
		t.Helper()
		line := next(t, lines, expected)
		if !strings.HasPrefix(line, "ERROR "+expected) {
			t.Errorf("logged %s, expected %s", line, expected)
		}
		return line
	}
	d.get("/v/panic")
	if line := expect("serve of /v/panic failed: the handler panicked: oh\n"); !strings.Contains(line, "lifecycle_test.go:") {
		t.Error("no stack trace:", line)
	}
	d.get("/v/fails")
	if line := expect("serve of /v/fails failed: "); !strings.HasSuffix(line, "cannot compile (src/a.vue:3)") {
		t.Error(line)
	}
	d.get("/a.txt")
	expect("transform of /a.txt failed: broken")
	d.get("/m.js")
	expect("import resolution of /m.js failed: broken")
	p := d.page(nil)
	expect("socket opened failed: broken")
	expect("socket ready failed: broken")
	p.sendText(`{"type":"say"}`)
	expect(`message "say" failed: broken`)
	if reply := p.request("ask", 1); reply["error"] != "the handler panicked: oh" {
		t.Error(reply)
	}
	expect(`request "ask" failed: the handler panicked: oh`)
	p.socket.Close()
	expect("socket closed failed: broken")
}

func TestTheContextOfAHandlerTellsWhyItEnded(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		end     func(d *daemon, dropRequest, stopPlugin func())
		err     error
		cause   error
	}{
		"browser gone": {
			end: func(_ *daemon, dropRequest, _ func()) { dropRequest() },
			err: context.Canceled, cause: pagewire.ErrBrowserGone,
		},
		"deadline": {
			timeout: 100 * time.Millisecond, end: func(*daemon, func(), func()) {},
			err: context.DeadlineExceeded, cause: pagewire.ErrDeadline,
		},
		"daemon stops": {
			end: func(d *daemon, _, _ func()) { d.stop() },
			err: context.Canceled, cause: pagewire.ErrStopping,
		},
		"plugin stops": {
			end: func(_ *daemon, _, stopPlugin func()) { stopPlugin() },
			err: context.Canceled, cause: pagewire.ErrStopping,
		},
		"connection lost": {
			end: func(d *daemon, _, _ func()) { d.kill() },
			err: context.Canceled, cause: pagewire.ErrConnectionLost,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := startDaemon(t)
			started, ended := make(chan struct{}), make(chan context.Context, 1)
			hook := serve(func(ctx context.Context, _ *pagewire.Request) (*pagewire.Content, error) {
				close(started)
				<-ctx.Done()
				ended <- ctx
				return nil, ctx.Err()
			}, pagewire.MatchPath("/hang"))
			hook.Options.CallTimeout = cmp.Or(c.timeout, maxWait)
			_, _, stopPlugin := d.run(&pagewire.Plugin{Name: "hang", Serve: hook})
			ctx, dropRequest := context.WithCancel(within(t))
			request, _ := http.NewRequestWithContext(ctx, "GET", d.HTTP+"/hang", nil)
			go func() { _, _ = http.DefaultClient.Do(request) }()
			next(t, started, "the call")
			c.end(d, dropRequest, stopPlugin)
			ctx = next(t, ended, "the end of the context")
			if cause := context.Cause(ctx); ctx.Err() != c.err || !errors.Is(cause, c.cause) {
				t.Errorf("the error is %v, the cause %v", ctx.Err(), cause)
			}
		})
	}
}

func TestTheContextOfAnEventHandlerTellsWhyItEnded(t *testing.T) {
	d := startDaemon(t)
	started, ended := make(chan struct{}), make(chan error, 1)
	d.run(&pagewire.Plugin{Name: "hang", OnMessage: map[string]pagewire.MessageHandler{
		"hang": func(ctx context.Context, _ *pagewire.Message, _ *pagewire.Client) error {
			close(started)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil
		},
	}})
	d.page(nil).sendText(`{"type":"hang"}`)
	next(t, started, "the handler")
	d.kill()
	if cause := next(t, ended, "the end of the context"); !errors.Is(cause, pagewire.ErrConnectionLost) {
		t.Error(cause)
	}
}

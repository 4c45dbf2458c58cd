package pagewire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"

	pagewire "pagewire.dev/client"
)

func serve(handler func(context.Context, *pagewire.Request) (*pagewire.Content, error), filters ...pagewire.Filter) *pagewire.ServeHook {
	return &pagewire.ServeHook{Filters: filters, Handler: handler}
}

func TestServeFallsBackToFiles(t *testing.T) {
	d := startDaemon(t)
	d.write("a.txt", "file")
	d.run(&pagewire.Plugin{Name: "serve", Serve: serve(func(_ context.Context, r *pagewire.Request) (*pagewire.Content, error) {
		switch r.Path {
		case "/v/hello":
			content := pagewire.Text("hello " + r.Query)
			content.Status = 201
			content.Header = http.Header{"X-Served-By": {"go"}}
			return content, nil
		case "/v/broken":
			return nil, fmt.Errorf("compiling: %w", &pagewire.Failure{Message: "unexpected }", File: "/a.vue", Line: 3, Column: 7})
		case "/v/panic":
			panic("broken")
		}
		return nil, nil
	}, pagewire.MatchPrefix("/v/"), pagewire.MatchPath("/a.txt"))})
	if status, body, header := d.get("/v/hello?q=1"); status != 201 || body != "hello q=1" || header.Get("x-served-by") != "go" {
		t.Error(status, body, header)
	}
	if status, body, _ := d.get("/a.txt"); status != 200 || body != "file" {
		t.Error(status, body)
	}
	if status, body, _ := d.get("/v/broken"); status != 500 || !strings.Contains(body, "unexpected }") || !strings.Contains(body, "/a.vue") {
		t.Error(status, body)
	}
	if status, body, _ := d.get("/v/panic"); status != 500 || !strings.Contains(body, "the handler panicked: broken") {
		t.Error(status, body)
	}
}

// A logBuffer is a log that tests read.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestTheStackOfAPanicBeginsWithTheFunctionThatPanicked(t *testing.T) {
	d := startDaemon(t)
	var log logBuffer
	d.run(&pagewire.Plugin{
		Name:   "panicking",
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Serve: serve(func(_ context.Context, r *pagewire.Request) (*pagewire.Content, error) {
			var missing *pagewire.Content
			switch r.Path {
			case "/v/nil":
				return pagewire.Text(missing.ContentType), nil
			case "/v/index":
				return pagewire.Text(string(r.Path[len(r.Path)])), nil
			}
			panic("broken")
		}, pagewire.MatchPrefix("/v/")),
	})
	first := regexp.MustCompile(`the handler panicked: [^\\]*\\n([^\\]*)\\n\\t([^\\]*)`)
	for _, path := range []string{"/v/panic", "/v/nil", "/v/index"} {
		if status, _, _ := d.get(path); status != 500 {
			t.Error(path, status)
		}
	}
	logged := first.FindAllStringSubmatch(log.String(), -1)
	if len(logged) != 3 {
		t.Fatal(log.String())
	}
	for _, row := range logged {
		if !strings.Contains(row[1], "TestTheStackOfAPanic") || !strings.Contains(row[2], "plugin_test.go:") {
			t.Error(row)
		}
	}
}

func TestTransformAndResolveImportChangeResponses(t *testing.T) {
	d := startDaemon(t)
	d.write("a.css", "a { color: $accent }")
	d.write("a.js", "import 'lit'; import './b.js';")
	d.run(&pagewire.Plugin{
		Name: "change",
		Transform: &pagewire.TransformHook{
			Filters: []pagewire.Filter{pagewire.MatchMIME("text/css")},
			Handler: func(_ context.Context, r *pagewire.Response) (*pagewire.Change, error) {
				css, err := r.Text()
				change := pagewire.ChangeText(strings.ReplaceAll(css, "$accent", "#c00"))
				change.Header = http.Header{"X-Colors": {"yes"}}
				return change, err
			},
		},
		ResolveImport: &pagewire.ResolveImportHook{
			Filters:    []pagewire.Filter{pagewire.MatchAll()},
			Specifiers: []string{"^[^./]"},
			Handler: func(_ context.Context, imports *pagewire.Imports) (*pagewire.Resolved, error) {
				return imports.Resolve(func(i pagewire.ImportSpecifier) string { return "/vendor/" + i.Specifier + ".js" }), nil
			},
		},
	})
	if _, body, header := d.get("/a.css"); body != "a { color: #c00 }" || header.Get("x-colors") != "yes" {
		t.Error(body, header)
	}
	if _, body, _ := d.get("/a.js"); !strings.Contains(body, "/vendor/lit.js") || !strings.Contains(body, "./b.js") {
		t.Error(body)
	}
}

func TestReplacesFiltersWhileThePluginRuns(t *testing.T) {
	d := startDaemon(t)
	hook := serve(func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
		return pagewire.Text("plugin"), nil
	})
	hook.Filters = []pagewire.Filter{}
	d.run(&pagewire.Plugin{Name: "live", Serve: hook})
	if status, _, _ := d.get("/x"); status != 404 {
		t.Error(status)
	}
	for range 20 {
		if err := hook.SetFilters(within(t), pagewire.MatchPath("/x")); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := d.get("/x"); status != 200 {
			t.Fatal(status)
		}
		if err := hook.SetFilters(within(t)); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := d.get("/x"); status != 404 {
			t.Fatal(status)
		}
	}
}

func TestRefusedFiltersLeaveTheEarlierOnesActive(t *testing.T) {
	d := startDaemon(t)
	hook := serve(func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
		return pagewire.Text("plugin"), nil
	}, pagewire.MatchPath("/x"))
	started, ended, stop := d.run(&pagewire.Plugin{Name: "live", Serve: hook})
	next(t, started, "the first start")
	err := hook.SetFilters(within(t), pagewire.MatchPath("/y"), pagewire.MatchRegex("("))
	refused, ok := errors.AsType[*pagewire.Error](err)
	if !ok || refused.Code != codes.InvalidArgument || refused.Reason != "FIELD_INVALID" || refused.Message == "" {
		t.Fatal(err)
	}
	if !strings.HasPrefix(err.Error(), `plugin "live", Serve: `) {
		t.Error(err)
	}
	if len(refused.Violations) != 1 || refused.Violations[0].Field != "filters[1]" || refused.Violations[0].Description == "" {
		t.Errorf("%+v", refused.Violations)
	}
	expectServed := func(path string, expected int) {
		t.Helper()
		if status, _, _ := d.get(path); status != expected {
			t.Errorf("%s: %d", path, status)
		}
	}
	expectServed("/x", 200)
	expectServed("/y", 404)
	// The next connection, too, opens the hook with the earlier filters.
	d.kill()
	d.start()
	next(t, started, "the second start")
	expectServed("/x", 200)
	expectServed("/y", 404)
	if err := hook.SetFilters(within(t), pagewire.MatchPath("/y")); err != nil {
		t.Fatal(err)
	}
	expectServed("/x", 404)
	expectServed("/y", 200)
	stop()
	if err := next(t, ended, "the end of the plugin"); err != nil {
		t.Error(err)
	}
}

func TestARefusedFilterOfAStartingPluginNamesItsHook(t *testing.T) {
	startDaemon(t)
	err := (&pagewire.Plugin{Name: "invalid", Transform: &pagewire.TransformHook{
		Filters: []pagewire.Filter{pagewire.MatchRegex("(")},
		Handler: func(context.Context, *pagewire.Response) (*pagewire.Change, error) { return nil, nil },
	}}).Run(within(t))
	if _, ok := errors.AsType[*pagewire.Error](err); !ok || pagewire.Reason(err) != "FIELD_INVALID" ||
		!strings.HasPrefix(err.Error(), `plugin "invalid", Transform: `) || !strings.Contains(err.Error(), "filters[0]") {
		t.Error(err)
	}
}

func TestRelativeFilesAndMethodsInAnyCaseMatch(t *testing.T) {
	d := startDaemon(t) // The current folder is the site.
	d.write("notes.md", "file")
	d.run(&pagewire.Plugin{Name: "relative", Serve: serve(func(_ context.Context, r *pagewire.Request) (*pagewire.Content, error) {
		content := pagewire.Text("plugin")
		content.Remember, content.DependsOn = r.Path == "/virtual", []string{filepath.Join(d.site, "data")}
		return content, nil
	}, pagewire.MatchFile("notes.md").Methods("get"), pagewire.MatchPath("/virtual"))})
	for _, path := range []string{"/notes.md", "/virtual"} {
		if _, body, _ := d.get(path); body != "plugin" {
			t.Error(path, body)
		}
	}
	if invalidated, err := d.client().Invalidate(within(t), pagewire.Stale{Files: []string{"data"}}); invalidated != 1 || err != nil {
		t.Error(invalidated, err)
	}
	if err := (&pagewire.Plugin{Name: "empty", Serve: serve(nothing, pagewire.MatchFile(""))}).Run(within(t)); pagewire.Reason(err) != "FIELD_INVALID" {
		t.Error(err)
	}
}

func nothing(context.Context, *pagewire.Request) (*pagewire.Content, error) { return nil, nil }

func TestContentWithABodyAndAFileIsAFailure(t *testing.T) {
	d := startDaemon(t)
	file := d.write("a.txt", "file")
	d.run(&pagewire.Plugin{Name: "both", Serve: serve(func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
		return &pagewire.Content{Body: []byte("body"), File: file}, nil
	}, pagewire.MatchPath("/x"))})
	if status, body, _ := d.get("/x"); status != 500 || !strings.Contains(body, "both a Body and the File "+file) {
		t.Error(status, body)
	}
}

func TestConcurrentUpdatesOfFiltersEachGetTheirOwnResult(t *testing.T) {
	d := startDaemon(t)
	hook := serve(func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
		return pagewire.Text("plugin"), nil
	}, pagewire.MatchPath("/x"))
	d.run(&pagewire.Plugin{Name: "live", Serve: hook})
	accepted, refused := make(chan error, 20), make(chan error, 20)
	for range 20 {
		go func() { accepted <- hook.SetFilters(within(t), pagewire.MatchPath("/x")) }()
		go func() { refused <- hook.SetFilters(within(t), pagewire.MatchRegex("(")) }()
	}
	for range 20 {
		if err := next(t, accepted, "an accepted update"); err != nil {
			t.Error(err)
		}
		if err := next(t, refused, "a refused update"); pagewire.Reason(err) != "FIELD_INVALID" {
			t.Error(err)
		}
	}
	if status, _, _ := d.get("/x"); status != 200 {
		t.Error(status)
	}
}

func TestHandlesMessagesAndRequestsOfOneSocketInOrder(t *testing.T) {
	d := startDaemon(t)
	order := make(chan string, 1000)
	d.run(&pagewire.Plugin{
		Name: "order",
		OnMessage: map[string]pagewire.MessageHandler{"say": func(_ context.Context, m *pagewire.Message, _ *pagewire.Client) error {
			order <- m.Text
			return nil
		}},
		OnRequest: map[string]pagewire.RequestHandler{
			"add": func(_ context.Context, m *pagewire.Message, _ *pagewire.Client) (any, error) {
				order <- m.Text
				var sum struct{ A, B float64 }
				return sum.A + sum.B, m.JSON(&sum)
			},
			"fail": func(context.Context, *pagewire.Message, *pagewire.Client) (any, error) {
				return nil, errors.New("broken")
			},
		},
	})
	p := d.page(nil)
	for n := range 100 {
		p.sendText(fmt.Sprintf(`{"type":"say","n":%d}`, n))
		p.sendText(fmt.Sprintf(`{"type":"add","id":%d,"pagewire:request":true}`, n))
	}
	for n := range 100 {
		if text := next(t, order, "a message"); text != fmt.Sprintf(`{"type":"say","n":%d}`, n) {
			t.Fatal(text)
		}
		if text := next(t, order, "a request"); text != fmt.Sprintf(`{"type":"add","id":%d,"pagewire:request":true}`, n) {
			t.Fatal(text)
		}
		if reply := p.receive(); reply["id"] != float64(n) {
			t.Fatal(reply)
		}
	}
	if reply := p.request("fail", 1); !strings.Contains(fmt.Sprint(reply["error"]), "broken") {
		t.Error(reply)
	}
	if reply := p.request("say", 2); reply["error"] == nil {
		t.Errorf("a request without a handler was not refused: %v", reply)
	}
}

func TestAnswersRequestsThatAreRunningWhenThePluginStops(t *testing.T) {
	d := startDaemon(t)
	started, gate := make(chan struct{}), make(chan struct{})
	_, ended, stop := d.run(&pagewire.Plugin{
		Name: "last",
		OnRequest: map[string]pagewire.RequestHandler{"ask": func(context.Context, *pagewire.Message, *pagewire.Client) (any, error) {
			close(started)
			<-gate
			return "answer", nil
		}},
		Serve: serve(func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
			return pagewire.Text("plugin"), nil
		}, pagewire.MatchPath("/x")),
	})
	p := d.page(nil)
	p.sendText(`{"type":"ask","id":1,"pagewire:request":true}`)
	next(t, started, "the handler")
	stop()
	// The hooks of a stopping plugin accept no further calls.
	for status := 200; status != 404; {
		status, _, _ = d.get("/x")
	}
	close(gate)
	if reply := p.receive(); reply["response"] != "answer" {
		t.Error(reply)
	}
	if err := next(t, ended, "the end of the plugin"); err != nil {
		t.Error(err)
	}
}

func TestReportsEverySocketEventOnce(t *testing.T) {
	d := startDaemon(t)
	early := d.page(nil)
	events := make(chan string, 10)
	record := func(event string) pagewire.SocketHandler {
		return func(_ context.Context, socket *pagewire.Socket, _ *pagewire.Client) error {
			events <- event + " " + socket.SocketID
			return nil
		}
	}
	started, _, _ := d.run(&pagewire.Plugin{
		Name: "sockets", OnSocketOpened: record("opened"), OnSocketReady: record("ready"),
		OnSocketClosed: func(_ context.Context, closed *pagewire.SocketClosed, _ *pagewire.Client) error {
			events <- "closed " + closed.SocketID
			return nil
		},
	})
	session := <-started
	if len(session.Sockets) != 1 || session.Sockets[0].SocketID != early.ID || !session.Sockets[0].Ready {
		t.Error(session.Sockets)
	}
	p := d.page(nil)
	p.socket.Close()
	for _, event := range []string{"opened ", "ready ", "closed "} {
		if received := next(t, events, event); received != event+p.ID {
			t.Errorf("received %s, expected %s%s", received, event, p.ID)
		}
	}
}

func TestAPluginReconnectsAfterItsDaemonWasKilledOrStopped(t *testing.T) {
	d := startDaemon(t)
	stopped := make(chan struct{}, 10)
	plugin := &pagewire.Plugin{
		Name: "reconnecting",
		Serve: serve(func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
			return pagewire.Text("plugin"), nil
		}, pagewire.MatchPath("/x")),
		ServerStop: func(context.Context, *pagewire.Client) error { stopped <- struct{}{}; return nil },
	}
	started, ended, stop := d.run(plugin)
	<-started
	for _, end := range []func(){d.kill, d.stop} {
		end()
		d.start()
		next(t, started, "the plugin to reconnect")
		if _, body, _ := d.get("/x"); body != "plugin" {
			t.Error(body)
		}
	}
	if len(stopped) != 1 {
		t.Errorf("ServerStop was called %d times", len(stopped))
	}
	stop()
	if err := next(t, ended, "the end of the plugin"); err != nil {
		t.Error(err)
	}
	if len(stopped) != 2 {
		t.Errorf("ServerStop was called %d times", len(stopped))
	}
	if status, _, _ := d.get("/x"); status != 404 {
		t.Error(status)
	}
}

func TestAPermanentRefusalEndsThePlugin(t *testing.T) {
	d := startDaemon(t)
	_, ended, _ := d.run(&pagewire.Plugin{Name: "taken"})
	err := (&pagewire.Plugin{Name: "taken"}).Run(within(t))
	refused, ok := errors.AsType[*pagewire.Error](err)
	if !ok || refused.Reason != "PLUGIN_NAME_TAKEN" || refused.Code != codes.AlreadyExists {
		t.Error(err)
	}
	err = (&pagewire.Plugin{Name: "needy", RequiredFeatures: []string{"no.such"}}).Run(within(t))
	if pagewire.Reason(err) != "FEATURE_UNSUPPORTED" || !strings.Contains(err.Error(), "no.such") {
		t.Error(err)
	}
	err = (&pagewire.Plugin{Name: "Bad Name"}).Run(within(t))
	if pagewire.Reason(err) != "FIELD_INVALID" {
		t.Error(err)
	}
	d.run(&pagewire.Plugin{Name: "taken", ReplaceExisting: true})
	if err := next(t, ended, "the end of the first"); pagewire.Reason(err) != "REPLACED" {
		t.Error(err)
	}
}

func TestAnErrorOfServerStartEndsThePlugin(t *testing.T) {
	startDaemon(t)
	broken := errors.New("broken")
	err := (&pagewire.Plugin{
		Name:        "start",
		ServerStart: func(context.Context, *pagewire.Session) error { return broken },
	}).Run(within(t))
	if failed, ok := errors.AsType[*pagewire.PluginError](err); !ok || failed.Plugin != "start" || !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestRefusesAnInvalidPlugin(t *testing.T) {
	skip := func(context.Context, *pagewire.Request) (*pagewire.Content, error) { return nil, nil }
	for text, plugin := range map[string]*pagewire.Plugin{
		"no Filters":                              {Serve: &pagewire.ServeHook{Handler: skip}},
		"no Handler":                              {Transform: &pagewire.TransformHook{Filters: []pagewire.Filter{pagewire.MatchAll()}}},
		"type `say` in OnMessage is nil":          {OnMessage: map[string]pagewire.MessageHandler{"say": nil}},
		"type `ask` in OnRequest is nil":          {OnRequest: map[string]pagewire.RequestHandler{"ask": nil}},
		"OnMessage has the type `pagewire:hello`": {OnMessage: map[string]pagewire.MessageHandler{"pagewire:hello": nil}},
		"have a handler":                          {OnMessage: map[string]pagewire.MessageHandler{"x": nil}, OnRequest: map[string]pagewire.RequestHandler{"x": nil}},
	} {
		if err := plugin.Run(within(t)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestInvalidUTF8DoesNotEndAStream(t *testing.T) {
	d := startDaemon(t)
	d.run(&pagewire.Plugin{Name: "utf8", Serve: serve(func(_ context.Context, r *pagewire.Request) (*pagewire.Content, error) {
		if r.Path == "/v/bad" {
			return nil, errors.New("\xff here")
		}
		return pagewire.Text("fine"), nil
	}, pagewire.MatchPrefix("/v/"))})
	client := d.client()
	for range 2 {
		if status, body, _ := d.get("/v/bad"); status != 500 || !strings.Contains(body, "\uFFFD here") {
			t.Error(status, body)
		}
		if status, _, _ := d.get("/v/fine"); status != 200 {
			t.Error(status)
		}
		if _, err := client.SendText(within(t), pagewire.ToAll(), "\xff"); pagewire.Reason(err) != "FIELD_INVALID" {
			t.Error(err)
		}
		if _, err := client.SendText(within(t), pagewire.ToAll(), "x"); err != nil {
			t.Error(err)
		}
	}
}

func TestReadingAnOmittedRequestBodyIsAnError(t *testing.T) {
	d := startDaemon(t)
	errs := make(chan error, 1)
	read := func(_ context.Context, r *pagewire.Request) (*pagewire.Content, error) {
		body, err := r.ReadBody()
		errs <- err
		if err != nil {
			return nil, fmt.Errorf("reading: %w", err)
		}
		return pagewire.Text(string(body)), nil
	}
	limited, none := serve(read, pagewire.MatchPath("/limited").Methods("POST")), serve(read, pagewire.MatchPath("/none").Methods("POST"))
	limited.MaxRequestBodyBytes = 4
	d.run(&pagewire.Plugin{Name: "limited", Serve: limited})
	d.run(&pagewire.Plugin{Name: "none", Serve: none})
	for _, c := range []struct {
		path, body string
		chunked    bool
		status     int
		expected   *pagewire.BodyTooLargeError
		text       string
	}{
		{path: "/limited", body: "four", status: 200},
		{"/limited", "fives", false, 413, &pagewire.BodyTooLargeError{Bytes: 5, Limit: 4}, "the request's body has 5 bytes, but this hook accepts at most 4 bytes (MaxRequestBodyBytes)"},
		{"/limited", "fives", true, 413, &pagewire.BodyTooLargeError{Limit: 4}, "the request's body has more than 4 bytes, but this hook accepts at most 4 bytes (MaxRequestBodyBytes)"},
		{"/none", "x", false, 500, &pagewire.BodyTooLargeError{Bytes: 1}, "this hook does not request bodies (set MaxRequestBodyBytes)"},
		{path: "/none", status: 200},
	} {
		var body io.Reader = strings.NewReader(c.body)
		if c.chunked {
			body = io.MultiReader(body)
		}
		response, err := http.Post(d.HTTP+c.path, "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%s: %d", c.path, response.StatusCode)
		}
		err = next(t, errs, "the call")
		if c.expected == nil {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		omitted, ok := errors.AsType[*pagewire.BodyTooLargeError](err)
		if !ok || *omitted != *c.expected || err.Error() != c.text {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

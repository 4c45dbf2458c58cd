package pagewire_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	pagewire "pagewire.dev/client"
)

func TestSendReportsUnreachedSocketsAsRows(t *testing.T) {
	d := startDaemon(t)
	client := d.client()
	report, err := client.Send(within(t), pagewire.ToAll(), map[string]string{"type": "x"})
	if err != nil || report.Selected() != 0 {
		t.Fatal(report, err)
	}
	p := d.page(nil)
	report, err = client.SendJSON(within(t), pagewire.ToSockets(p.ID, "nobody"), `{"type":"x",  "n":9007199254740993}`, pagewire.ListReached())
	if err != nil || report.Reached != 1 || report.ReachedSocketIDs[0] != p.ID ||
		report.Unreached[0] != (pagewire.Unreached{SocketID: "nobody", Status: pagewire.NotFound}) {
		t.Fatal(report, err)
	}
	if text := p.receiveText(); text != `{"type":"x",  "n":9007199254740993}` {
		t.Error(text)
	}
	large := strings.Repeat("x", 10<<20)
	if _, err := client.SendText(within(t), pagewire.ToTab("t"), large); err != nil || p.receiveText() != large {
		t.Error(err)
	}
	report, err = client.Send(within(t), pagewire.ToAll().Excluding(p.ID), 1)
	if err != nil || report.Selected() != 0 {
		t.Error(report, err)
	}
	// The page answers pings only while it reads.
	go func() {
		for receiveOrEnd(p) != "" {
		}
	}()
	report, err = client.Send(within(t), pagewire.ToURL("localhost"), map[string]string{"type": "x"}, pagewire.ConfirmReceipt())
	if err != nil || report.Reached != 1 {
		t.Error(report, err)
	}
}

func TestRefusesAnEmptyTarget(t *testing.T) {
	d := startDaemon(t)
	client := d.client()
	for name, target := range map[string]pagewire.Target{
		"zero": {}, "no ids": pagewire.ToSockets(), "no condition": pagewire.ToMatching(pagewire.SocketFilter{}),
	} {
		_, err := client.Send(within(t), target, 1)
		if refused, ok := errors.AsType[*pagewire.Error](err); !ok || refused.Code != codes.InvalidArgument || refused.Reason != "FIELD_INVALID" {
			t.Errorf("%s: %v", name, err)
		}
		_, err = client.Reload(within(t), target)
		if refused, ok := errors.AsType[*pagewire.Error](err); !ok || len(refused.Violations) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeliversAllConcurrentSends(t *testing.T) {
	d := startDaemon(t)
	client, p := d.client(), d.page(nil)
	var sends sync.WaitGroup
	for n := range 500 {
		sends.Go(func() {
			if report, err := client.Send(within(t), pagewire.ToSocket(p.ID), map[string]any{"type": "n", "n": n}); err != nil || report.Reached != 1 {
				t.Error(report, err)
			}
		})
	}
	received := make(map[any]bool)
	for range 500 {
		received[p.receive()["n"]] = true
	}
	sends.Wait()
	if len(received) != 500 {
		t.Error(len(received))
	}
}

func TestAnAwaitedImportDistinguishesItsResults(t *testing.T) {
	d := startDaemon(t)
	client, p := d.client(), d.page(nil)
	results := map[string]string{
		"/value.js": `"ok":true,"value":{"json":{"a":1}}`,
		"/throw.js": `"ok":false,"exception":{"phase":"call","name":"TypeError","message":"x is not a function"}`,
		"/load.js":  `"ok":false,"exception":{"phase":"load","name":"SyntaxError","message":"oh"}`,
	}
	go func() {
		for {
			var message struct {
				Data struct {
					ImportPath string
					CallID     json.RawMessage
				}
			}
			var text string
			if text = receiveOrEnd(p); text == "" {
				return
			}
			if json.Unmarshal([]byte(text), &message) == nil && results[message.Data.ImportPath] != "" {
				p.sendText(fmt.Sprintf(`{"type":"pagewire:result","callId":%s,%s}`, message.Data.CallID, results[message.Data.ImportPath]))
			}
		}
	}()
	row := func(target pagewire.Target, path string) pagewire.ImportRow {
		report, err := client.ImportValue(within(t), target, pagewire.Import{Path: path, Timeout: time.Second})
		if err != nil || len(report.Rows) != 1 {
			t.Fatal(report, err)
		}
		return report.Rows[0]
	}
	target := pagewire.ToSocket(p.ID)
	var value struct{ A int }
	if ok := row(target, "/value.js"); ok.JSON(&value) != nil || value.A != 1 {
		t.Error(ok)
	}
	for path, kind := range map[string]pagewire.ImportErrorKind{
		"/throw.js": pagewire.ImportThrown, "/load.js": pagewire.ImportLoad, "/never.js": pagewire.ImportTimeout,
	} {
		if failed := row(target, path); failed.Err == nil || failed.Err.Kind != kind {
			t.Errorf("%s: %v", path, failed.Err)
		}
	}
	if gone := row(pagewire.ToSocket("nobody"), "/value.js"); gone.Err == nil || gone.Err.Kind != pagewire.ImportPageGone {
		t.Error(gone.Err)
	}
}

// receiveOrEnd returns the next frame, or an empty string once the socket is closed.
func receiveOrEnd(p *page) string {
	buffer := make([]byte, 1<<16)
	count, _ := p.socket.Read(buffer)
	return string(buffer[:count])
}

func TestASubscriptionResumesAfterItsLastPosition(t *testing.T) {
	d := startDaemon(t)
	client, p := d.client(), d.page(nil)
	ctx, cancel := context.WithCancel(within(t))
	events, err := client.Subscribe(ctx, pagewire.SubscribeOptions{Messages: true, Sockets: true})
	if err != nil {
		t.Fatal(err)
	}
	p.sendText(`{"type":"a",  "n":1}`)
	for event, err := range events.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if message, ok := event.What.(*pagewire.Message); !ok || message.Text != `{"type":"a",  "n":1}` || message.SocketID != p.ID {
			t.Error(event)
		}
		break
	}
	cancel()
	for _, err := range events.Events() {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	p.sendText(`{"type":"b"}`)
	p.sendText(`{"type":"c"}`)
	resumed, err := events.Resume(within(t))
	if err != nil || !resumed.Resumed() {
		t.Fatal(err)
	}
	var types []string
	for event, err := range resumed.Events() {
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, event.What.(*pagewire.Message).Type)
		if len(types) == 2 {
			resumed.Close()
		}
	}
	if fmt.Sprint(types) != "[b c]" {
		t.Error(types)
	}
	old := pagewire.Position{Epoch: "another", Sequence: 3}
	gapped, err := client.Subscribe(within(t), pagewire.SubscribeOptions{ResumeAfter: &old})
	if err != nil {
		t.Fatal(err)
	}
	for event := range gapped.Events() {
		if gap, ok := event.What.(*pagewire.Gap); !ok || gap.Reason != pagewire.EpochChanged {
			t.Error(event)
		}
		gapped.Close()
	}
	_, err = client.Subscribe(within(t), pagewire.SubscribeOptions{ResumeAfter: &old, Strict: true})
	if pagewire.Reason(err) != "EPOCH_CHANGED" {
		t.Error(err)
	}
}

func TestAClientSurvivesALostConnection(t *testing.T) {
	d := startDaemon(t, "--control", "127.0.0.1:0")
	socket := d.site + "/s"
	d.kill()
	d.start("--control", "unix:"+socket)
	endpoint, err := pagewire.ParseEndpoint("unix:" + socket)
	if err != nil {
		t.Fatal(err)
	}
	client, err := pagewire.Connect(within(t), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	events, err := client.Subscribe(within(t), pagewire.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Send(within(t), pagewire.ToAll(), 1); err != nil {
		t.Fatal(err)
	}
	d.kill()
	for _, err := range events.Events() {
		if _, ok := errors.AsType[*pagewire.DisconnectedError](err); !ok {
			t.Error(err)
		}
	}
	if _, err := client.Send(within(t), pagewire.ToAll(), 1); err == nil {
		t.Error("a send to a dead daemon succeeded")
	}
	d.start("--control", "unix:"+socket)
	ctx := within(t)
	for {
		if _, err := client.Send(ctx, pagewire.ToAll(), 1); err == nil {
			break
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestConnectErrorsContainTheCause(t *testing.T) {
	d := startDaemon(t)
	endpoint, _ := pagewire.ParseEndpoint(d.Control)
	if _, err := pagewire.Connect(within(t), endpoint.WithToken("wrong")); pagewire.Reason(err) != "TOKEN_INVALID" {
		t.Error(err)
	}
	if client, err := pagewire.Connect(within(t), endpoint); err != nil {
		t.Error("an endpoint without a token did not get the daemon's:", err)
	} else {
		client.Close()
	}
	pages, _ := pagewire.ParseEndpoint(d.HTTP)
	if _, err := pagewire.Connect(within(t), pages); !isConnectError(err) {
		t.Error(err)
	}
	d.kill()
	_, err := pagewire.Connect(within(t), endpoint.WithToken("x"))
	if !isConnectError(err) || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
	if _, err = pagewire.Find(within(t)); err == nil || !strings.Contains(err.Error(), "no daemon is running") {
		t.Error(err)
	}
}

func isConnectError(err error) bool {
	_, ok := errors.AsType[*pagewire.ConnectError](err)
	return ok
}

func TestACallRespectsItsContext(t *testing.T) {
	d := startDaemon(t)
	client := d.client()
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	if _, err := client.Send(ctx, pagewire.ToAll(), 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	if _, err := client.Info(ctx); !errors.Is(err, context.DeadlineExceeded) || pagewire.Reason(err) != "DEADLINE" {
		t.Error(err)
	}
}

func TestListsPluginsAndInvalidatesResults(t *testing.T) {
	d := startDaemon(t)
	d.run(&pagewire.Plugin{Name: "caching", Version: "1.2", Serve: serve(func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
		content := pagewire.Text("x")
		content.Remember = true
		return content, nil
	}, pagewire.MatchPath("/x"))})
	client := d.client()
	d.get("/x")
	d.get("/x")
	plugins, err := client.Plugins(within(t))
	if err != nil || len(plugins) != 1 || plugins[0].PluginName != "caching" || plugins[0].State != pagewire.PluginReady || plugins[0].Calls != 1 || plugins[0].Hooks[0] != "serve" {
		t.Error(plugins, err)
	}
	if invalidated, err := client.Invalidate(within(t), pagewire.Stale{Paths: []string{"/x"}}); err != nil || invalidated != 1 {
		t.Error(invalidated, err)
	}
	if _, err := client.Invalidate(within(t), pagewire.Stale{}); pagewire.Reason(err) != "FIELD_INVALID" {
		t.Error(err)
	}
}

func TestPrintsToTheConsoleOfPages(t *testing.T) {
	d := startDaemon(t)
	client, p := d.client(), d.page(nil)
	report, err := client.ConsoleLog(within(t), pagewire.ToAll(), pagewire.ConsoleWarn, "100% %s", pagewire.ConsoleSource("chat"), pagewire.ListReached())
	if err != nil || len(report.ReachedSocketIDs) != 1 {
		t.Error(report, err)
	}
	if text := p.receiveText(); !strings.Contains(text, `"source":"chat"`) || !strings.Contains(text, `"text":"100% %s"`) || !strings.Contains(text, `"level":"warn"`) {
		t.Error(text)
	}
	if _, err := client.ConsoleLog(within(t), pagewire.ToAll(), pagewire.ConsoleLog, "alone"); err != nil {
		t.Error(err)
	}
	if text := p.receiveText(); strings.Contains(text, "chat") || !strings.Contains(text, `"text":"alone"`) {
		t.Error(text)
	}
}

package pagewire_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	pagewire "pagewire.dev/client"
)

// maxWait limits every wait of a test.
const maxWait = 20 * time.Second

// A daemon is a real daemon with its own site and runtime folder.
type daemon struct {
	t         testing.TB
	site      string
	runtime   string
	process   *exec.Cmd
	HTTP      string `json:"http"`
	Control   string `json:"control"`
	Token     string
	TokenFile string `json:"token_file"`
}

// startDaemon starts a daemon, and sets the environment and current folder so that it is discovered. The test is
// skipped if the daemon has not been built.
func startDaemon(t testing.TB, flags ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, site: t.TempDir(), runtime: t.TempDir()}
	if err := os.Chmod(d.runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	d.write("index.html", "<!doctype html><title>t</title>")
	d.start(flags...)
	t.Setenv("XDG_RUNTIME_DIR", d.runtime)
	t.Setenv("PAGEWIRE_ENDPOINT", "")
	t.Setenv("PAGEWIRE_TOKEN", "")
	t.Setenv("PAGEWIRE_LAUNCH_ID", "")
	t.Chdir(d.site)
	return d
}

func (d *daemon) start(flags ...string) {
	d.t.Helper()
	binary := os.Getenv("PAGEWIRE_BIN")
	if binary == "" {
		binary = filepath.Join(sourceFolder, "../../target/debug/pagewire")
	}
	if _, err := os.Stat(binary); err != nil {
		d.t.Skipf("no daemon at %s: build it, or set PAGEWIRE_BIN", binary)
	}
	d.process = exec.Command(binary, append([]string{"serve", d.site, "--port", "0", "--exit-with-stdin"}, flags...)...)
	d.process.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+d.runtime)
	d.process.Stderr = os.Stderr
	// With `--exit-with-stdin` the daemon exits when this pipe closes, so it does not outlive the test process.
	if _, err := d.process.StdinPipe(); err != nil {
		d.t.Fatal(err)
	}
	output, err := d.process.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(d.kill)
	ready, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal(ready, d); err != nil {
		d.t.Fatal(err)
	}
	if d.TokenFile != "" {
		token, err := os.ReadFile(d.TokenFile)
		if err != nil {
			d.t.Fatal(err)
		}
		d.Token = strings.TrimSpace(string(token))
	}
}

func (d *daemon) kill() {
	_ = d.process.Process.Kill()
	_ = d.process.Wait()
}

func (d *daemon) stop() {
	_ = d.process.Process.Signal(os.Interrupt)
	_ = d.process.Wait()
}

func (d *daemon) write(name, content string) string {
	path := filepath.Join(d.site, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// get requests a path.
func (d *daemon) get(path string) (status int, body string, header http.Header) {
	d.t.Helper()
	response, err := http.Get(d.HTTP + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return response.StatusCode, string(content), response.Header
}

func (d *daemon) client() *pagewire.Client {
	d.t.Helper()
	client, err := pagewire.Find(within(d.t))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { client.Close() })
	return client
}

// run runs a plugin until the test ends, and returns once it has started. The first channel receives a session for
// each start, including this one.
func (d *daemon) run(plugin *pagewire.Plugin) (started <-chan *pagewire.Session, ended <-chan error, stop context.CancelFunc) {
	d.t.Helper()
	starts, ends := make(chan *pagewire.Session, 16), make(chan error, 1)
	before := plugin.ServerStart
	plugin.ServerStart = func(ctx context.Context, session *pagewire.Session) error {
		starts <- session
		if before != nil {
			return before(ctx, session)
		}
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ends <- plugin.Run(ctx); close(ends) }()
	d.t.Cleanup(func() {
		cancel()
		for range ends {
		}
	})
	select {
	case session := <-starts:
		starts <- session
	case err := <-ends:
		d.t.Fatalf("the plugin ended: %v", err)
	case <-time.After(maxWait):
		d.t.Fatal("the plugin did not start in time")
	}
	return starts, ends, cancel
}

// A page stands in for a browser page: a raw WebSocket that speaks the page protocol.
type page struct {
	t      testing.TB
	socket *websocket.Conn
	ID     string
}

// page connects a page, with these fields in its hello in addition to the usual ones.
func (d *daemon) page(fields map[string]any) *page {
	d.t.Helper()
	socket, err := websocket.Dial("ws"+strings.TrimPrefix(d.HTTP, "http")+"/__pagewire__/socket", "", d.HTTP)
	if err != nil {
		d.t.Fatal(err)
	}
	socket.MaxPayloadBytes = 64 << 20
	p := &page{t: d.t, socket: socket}
	d.t.Cleanup(func() { socket.Close() })
	hello := map[string]any{
		"type": "pagewire:hello", "page_id": "p", "tab_id": "t", "url": "http://localhost/", "title": "",
		"visibility": "visible", "document_state": "complete", "top_level": true,
		"features": []string{"import.await", "log", "command.reload"},
	}
	for key, value := range fields {
		hello[key] = value
	}
	p.send(hello)
	p.ID = p.receive()["socket_id"].(string)
	return p
}

func (p *page) send(message any) {
	p.t.Helper()
	if err := websocket.JSON.Send(p.socket, message); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) sendText(text string) {
	p.t.Helper()
	if err := websocket.Message.Send(p.socket, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) receiveText() (text string) {
	p.t.Helper()
	_ = p.socket.SetReadDeadline(time.Now().Add(maxWait))
	if err := websocket.Message.Receive(p.socket, &text); err != nil {
		p.t.Fatalf("the page received nothing: %v", err)
	}
	return text
}

func (p *page) receive() (message map[string]any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.receiveText()), &message); err != nil {
		p.t.Fatal(err)
	}
	return message
}

// request sends a request from the page and returns the reply.
func (p *page) request(kind string, id int) map[string]any {
	p.t.Helper()
	p.sendText(fmt.Sprintf(`{"type":%q,"id":%d,"pagewire:request":true}`, kind, id))
	return p.receive()
}

// within returns a context that limits a test's waiting.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), maxWait)
	t.Cleanup(cancel)
	return ctx
}

// next returns the next value of a channel, and fails the test if there is none in time.
func next[T any](t testing.TB, from <-chan T, expected string) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(maxWait):
		t.Fatalf("timed out waiting for %s", expected)
		panic("unreachable")
	}
}

// sourceFolder is the folder of the tests, read before any test changes the current folder.
var sourceFolder = func() string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return folder
}()

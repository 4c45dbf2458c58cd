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

// patience bounds every wait of a test.
const patience = 20 * time.Second

// A daemon is a real one, with a site and a runtime folder of its own.
type daemon struct {
	t       testing.TB
	site    string
	runtime string
	process *exec.Cmd
	HTTP    string `json:"http"`
	Control string `json:"control"`
	Token   string
	// TokenFile holds Token.
	TokenFile string `json:"token_file"`
}

// startDaemon starts a daemon, and names it in the environment. Without one to start the test is skipped.
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
	// It leaves with us.
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

// get asks for a page.
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

// run runs a plugin until the test ends, and returns when it has started. Each start of it is sent.
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
	case <-time.After(patience):
		d.t.Fatal("the plugin does not start")
	}
	return starts, ends, cancel
}

// A page is one without a browser: a raw socket that speaks the page protocol.
type page struct {
	t      testing.TB
	socket *websocket.Conn
	ID     string
}

// page connects and says hello with these fields beside the usual ones.
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
	p.say(hello)
	p.ID = p.hear()["socket_id"].(string)
	return p
}

func (p *page) say(message any) {
	p.t.Helper()
	if err := websocket.JSON.Send(p.socket, message); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) sayText(text string) {
	p.t.Helper()
	if err := websocket.Message.Send(p.socket, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) hearText() (text string) {
	p.t.Helper()
	_ = p.socket.SetReadDeadline(time.Now().Add(patience))
	if err := websocket.Message.Receive(p.socket, &text); err != nil {
		p.t.Fatalf("the page heard nothing: %v", err)
	}
	return text
}

func (p *page) hear() (message map[string]any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.hearText()), &message); err != nil {
		p.t.Fatal(err)
	}
	return message
}

// ask makes a page's request and hears the answer.
func (p *page) ask(kind string, id int, fields string) map[string]any {
	p.t.Helper()
	p.sayText(fmt.Sprintf(`{"type":%q,"id":%d,"pagewire:request":true%s}`, kind, id, fields))
	return p.hear()
}

// within is a context that bounds a test's waiting.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// next is what comes, before patience is over.
func next[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		t.Fatalf("waited for %s", what)
		panic("unreachable")
	}
}

// sourceFolder is where the tests lie, before any changes the current folder.
var sourceFolder = func() string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return folder
}()

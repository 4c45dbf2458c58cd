package pagewiretest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	pagewire "pagewire.dev/client"
	"pagewire.dev/client/pagewiretest"
)

func hello(context.Context, *pagewire.Request) (*pagewire.Content, error) {
	return pagewire.Text("hello"), nil
}

func helloPlugin() *pagewire.Plugin {
	return &pagewire.Plugin{
		Name:  "hello",
		Serve: &pagewire.ServeHook{Filters: []pagewire.Filter{pagewire.MatchPath("/hello")}, Handler: hello},
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAPluginAnswersThePagesOfItsDaemon(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a.txt"), "file")
	write(t, filepath.Join(root, "pagewire.toml"), "[[plugin]]\nname = \"hello\"\n[plugin.config]\ncolor = \"gold\"\n")
	daemon := pagewiretest.StartDaemon(t, root)
	session := pagewiretest.Run(t, helloPlugin(), daemon)
	if hello, file := get(t, daemon.URL+"/hello"), get(t, daemon.URL+"/a.txt"); hello != "hello" || file != "file" {
		t.Error(hello, file)
	}
	var config struct{ Color string }
	if found, err := session.Config(&config); !found || err != nil || config.Color != "gold" || session.PluginName != "hello" {
		t.Error(found, err, config, session.PluginName)
	}
	plugins, err := daemon.Client.Plugins(t.Context())
	if err != nil || len(plugins) != 1 || plugins[0].State != pagewire.PluginReady {
		t.Error(plugins, err)
	}
	if !strings.Contains(daemon.Log(), "plugin connected") {
		t.Error(daemon.Log())
	}
}

func TestDaemonAndPluginEndWithTheTest(t *testing.T) {
	stopped := false
	plugin := helloPlugin()
	plugin.ServerStop = func(ctx context.Context, client *pagewire.Client) error {
		_, err := client.Info(ctx)
		stopped = err == nil
		return err
	}
	var endpoint pagewire.Endpoint
	for range 2 {
		stopped = false
		t.Run("run", func(t *testing.T) {
			daemon := pagewiretest.StartDaemon(t, t.TempDir())
			pagewiretest.Run(t, plugin, daemon)
			endpoint = daemon.Endpoint
		})
		if !stopped {
			t.Error("the plugin was not stopped while its daemon ran")
		}
		_, err := pagewire.Connect(t.Context(), endpoint)
		if _, ok := errors.AsType[*pagewire.ConnectError](err); !ok {
			t.Error("the daemon runs after its test:", err)
		}
		if plugin.ServerStart != nil || plugin.Logger != nil || plugin.NoSignalHandling || plugin.Endpoint != (pagewire.Endpoint{}) {
			t.Errorf("the plugin has kept the settings of the test: %+v", plugin)
		}
	}
}

func TestADaemonUsesNothingOfTheEnvironment(t *testing.T) {
	runtimeDir := t.TempDir()
	if err := os.Chmod(runtimeDir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", runtimeDir)
	t.Setenv("PAGEWIRE_BASE_PATH", "/other")
	t.Setenv("PAGEWIRE_ENDPOINT", "")
	root := t.TempDir()
	write(t, filepath.Join(root, "a.txt"), "file")
	t.Chdir(root)
	daemon := pagewiretest.StartDaemon(t, ".", "--allow-file", ".env")
	write(t, ".env", "allowed")
	if file, allowed := get(t, daemon.URL+"/a.txt"), get(t, daemon.URL+"/.env"); file != "file" || allowed != "allowed" {
		t.Error(file, allowed)
	}
	_, err := pagewire.FindEndpoint()
	if _, ok := errors.AsType[*pagewire.NoDaemonError](err); !ok {
		t.Error("the daemon is discovered:", err)
	}
}

// A failedTest records the text with which a test fails.
type failedTest struct {
	testing.TB
	text string
}

func (f *failedTest) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *failedTest) Errorf(format string, args ...any) { f.text = fmt.Sprintf(format, args...) }

// failureOf returns the text with which a test fails.
func failureOf(t *testing.T, test func(testing.TB)) string {
	t.Helper()
	failed := &failedTest{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(failed)
	}()
	<-done
	return failed.text
}

func TestFailuresHaveTheTextOfTheDaemonOrThePlugin(t *testing.T) {
	daemon := pagewiretest.StartDaemon(t, t.TempDir())
	for expected, test := range map[string]func(testing.TB){
		"the daemon did not start: error: unexpected argument '--no-such'": func(t testing.TB) {
			pagewiretest.StartDaemon(t, ".", "--no-such")
		},
		"/no/such/folder": func(t testing.TB) { pagewiretest.StartDaemon(t, "/no/such/folder") },
		"the plugin did not start: plugin `broken`: ServerStart failed: no disk": func(t testing.TB) {
			pagewiretest.Run(t, &pagewire.Plugin{
				Name:        "broken",
				ServerStart: func(context.Context, *pagewire.Session) error { return errors.New("no disk") },
			}, daemon)
		},
	} {
		if text := failureOf(t, test); !strings.Contains(text, expected) {
			t.Errorf("failed with %q, expected %q", text, expected)
		}
	}
	var failed *failedTest
	t.Run("stop", func(t *testing.T) {
		failed = &failedTest{TB: t}
		pagewiretest.Run(failed, &pagewire.Plugin{
			Name:       "unstoppable",
			ServerStop: func(context.Context, *pagewire.Client) error { return errors.New("no disk") },
		}, daemon)
	})
	if failed.text != "the plugin ended: plugin `unstoppable`: ServerStop failed: no disk" {
		t.Error(failed.text)
	}
	t.Setenv("PAGEWIRE_BIN", "/no/such/program")
	text := failureOf(t, func(t testing.TB) { pagewiretest.StartDaemon(t, ".") })
	if !strings.Contains(text, "/no/such/program") || !strings.Contains(text, "set PAGEWIRE_BIN") {
		t.Error(text)
	}
}

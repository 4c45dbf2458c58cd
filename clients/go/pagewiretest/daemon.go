// Package pagewiretest helps to test plugins: with values for their handlers, and with the real daemon.
//
// A handler is an ordinary function. [NewRequest], [NewResponse], [NewImports], [NewMessage] and [NewSocket] make what
// it gets; what it returns are structs with exported fields, and [pagewire.Content.IsSkip]. [StartDaemon] starts a
// daemon for a test, and [Run] a plugin that is connected to it; both end with the test.
package pagewiretest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	pagewire "pagewire.dev/client"
)

const (
	// startTimeout limits how long a daemon or a plugin may take to start. After it the test fails.
	startTimeout = 30 * time.Second
	// stopTimeout limits how long a daemon may take to stop. After it the daemon is killed.
	stopTimeout = 10 * time.Second
)

// A Daemon is a daemon that runs during a test.
type Daemon struct {
	// URL is the URL of its pages, without a base path and without a slash at the end.
	URL string
	// Endpoint is its control endpoint, with the token.
	Endpoint pagewire.Endpoint
	// Client is a client that is connected to it. It is closed when the test ends.
	Client *pagewire.Client

	log lockedBuffer
}

// StartDaemon starts a daemon that serves the folder root, and returns once it is ready. The program is the one that
// the environment variable PAGEWIRE_BIN names, else pagewire on PATH. It gets these flags of `pagewire serve`, free
// ports, and none of the test's PAGEWIRE variables; of configuration files it reads only root's pagewire.toml. No other
// program discovers it.
//
// The daemon stops when the test ends. If the test has failed, its log then gets the daemon's. A daemon that does not
// start fails the test with the daemon's own text. Parallel tests may each start one.
func StartDaemon(t testing.TB, root string, flags ...string) *Daemon {
	t.Helper()
	program := os.Getenv("PAGEWIRE_BIN")
	if program == "" {
		var err error
		if program, err = exec.LookPath("pagewire"); err != nil {
			t.Fatalf("no daemon to test with: %v (set PAGEWIRE_BIN to the program)", err)
		}
	}
	runtimeDir := t.TempDir()
	// Discovery folders that others can open are not used.
	if err := os.Chmod(runtimeDir, 0o700); err != nil {
		t.Fatal(err)
	}
	daemon := &Daemon{}
	// With --exit-with-stdin the daemon does not outlive the test process, however that ends.
	process := exec.Command(program, append([]string{"serve", root, "--port", "0", "--exit-with-stdin"}, flags...)...)
	process.Env = append(environment(), "XDG_RUNTIME_DIR="+runtimeDir)
	process.Stderr = &daemon.log
	stdin, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatalf("cannot start the daemon: %v (set PAGEWIRE_BIN to the program)", err)
	}
	killer := time.AfterFunc(startTimeout, func() { _ = process.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	inTime := killer.Stop()
	if err != nil {
		// Once the process has ended, its log is complete.
		stop(process, stdin)
		if !inTime {
			t.Fatalf("the daemon was not ready within %s", startTimeout)
		}
		t.Fatalf("the daemon did not start: %s", daemon.Log())
	}
	t.Cleanup(func() {
		stop(process, stdin)
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", daemon.Log())
		}
	})
	daemon.connect(t, line)
	return daemon
}

// connect reads the ready line and connects the client.
func (d *Daemon) connect(t testing.TB, readyLine []byte) {
	t.Helper()
	var ready pagewire.Daemon
	err := json.Unmarshal(readyLine, &ready)
	if err == nil {
		d.Endpoint, err = pagewire.ParseEndpoint(ready.Control)
	}
	if err == nil && ready.TokenFile != "" {
		d.Endpoint, err = d.Endpoint.WithTokenFile(ready.TokenFile)
	}
	if err == nil {
		d.Client, err = pagewire.Connect(context.Background(), d.Endpoint)
	}
	if err != nil {
		t.Fatalf("the daemon's ready line is %s: %v", bytes.TrimSpace(readyLine), err)
	}
	t.Cleanup(func() { d.Client.Close() })
	d.URL = strings.TrimSuffix(ready.HTTP, "/")
}

// Log returns what the daemon has logged so far.
func (d *Daemon) Log() string { return d.log.String() }

// stop stops a daemon, unless it has ended.
func stop(process *exec.Cmd, stdin io.Closer) {
	stdin.Close()
	killer := time.AfterFunc(stopTimeout, func() { _ = process.Process.Kill() })
	defer killer.Stop()
	_ = process.Wait()
}

// environment returns the environment without the variables that configure a daemon, a client or a plugin.
func environment() []string {
	var variables []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PAGEWIRE_") {
			variables = append(variables, variable)
		}
	}
	return variables
}

// A lockedBuffer is a buffer that may be read while it is written.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

// Write appends to the buffer.
func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(data)
}

// String returns everything that was written.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

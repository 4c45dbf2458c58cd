// The runner of the conformance suite. It reads commands, each of which makes one call to the library, and writes
// results and events, one JSON object per line. See tests/conformance/README.md.
//
// conformance [FILE]: reads the commands from FILE instead of standard input, which the library of a spawned
// plugin reads itself (its end stops the plugin), and exits when its plugins have ended.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"

	pagewire "pagewire.dev/client"
)

// maxLineBytes limits the length of a command; a longer one ends the runner.
const maxLineBytes = 64 << 20

func main() {
	log.SetFlags(0)
	input, isFile := io.Reader(os.Stdin), len(os.Args) > 1
	if isFile {
		file, err := os.Open(os.Args[1])
		if err != nil {
			log.Fatal(err)
		}
		input = file
	}
	ctx, cancel := context.WithCancel(context.Background())
	runner := &runner{
		ctx: ctx, plugins: map[string]*runningPlugin{}, subscriptions: map[string]*subscription{}, gates: map[string]chan struct{}{},
	}
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, maxLineBytes)
	for lines.Scan() {
		var command command
		if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
			log.Fatalf("not a command: %v: %s", err, lines.Text())
		}
		if command.Wait {
			runner.execute(&command)
		} else {
			runner.commands.Go(func() { runner.execute(&command) })
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	if !isFile {
		runner.stopAll()
		cancel()
	}
	runner.commands.Wait()
	runner.running.Wait()
}

// A runner holds the client, and the plugins, subscriptions and gates that commands refer to by name.
type runner struct {
	ctx context.Context
	// commands and running track the commands being executed and the plugins that run; main waits for both.
	commands, running sync.WaitGroup

	mu            sync.Mutex
	endpoint      pagewire.Endpoint
	client        *pagewire.Client
	plugins       map[string]*runningPlugin
	subscriptions map[string]*subscription
	gates         map[string]chan struct{}
}

// execute runs a command and writes its result.
func (r *runner) execute(c *command) {
	ctx := r.ctx
	if c.DeadlineMS != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, milliseconds(c.DeadlineMS))
		defer cancel()
	}
	value, err := r.run(ctx, c)
	if err != nil {
		emit(map[string]any{"id": c.ID, "error": errorOf(err)})
		return
	}
	emit(map[string]any{"id": c.ID, "ok": value})
}

var outputMu sync.Mutex

// emit writes a line to standard output.
func emit(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		log.Fatal(err)
	}
	outputMu.Lock()
	defer outputMu.Unlock()
	if _, err := os.Stdout.Write(append(text, '\n')); err != nil {
		os.Exit(0)
	}
}

// errorOf describes an error of the library.
func errorOf(err error) map[string]any {
	described := map[string]any{"kind": "other", "message": err.Error()}
	if refused, ok := errors.AsType[*pagewire.Error](err); ok {
		described["kind"], described["reason"] = "rpc", refused.Reason
		described["code"] = code.Code(refused.Code).String()
	} else if kind := kindOf(err); kind != "" {
		described["kind"] = kind
	}
	return described
}

func kindOf(err error) string {
	// Each type is tested as users of the library would.
	if _, ok := errors.AsType[*pagewire.EndpointError](err); ok {
		return "endpoint"
	}
	if _, ok := errors.AsType[*pagewire.TokenFileError](err); ok {
		return "token_file"
	}
	if _, ok := errors.AsType[*pagewire.NoDaemonError](err); ok {
		return "no_daemon"
	}
	if _, ok := errors.AsType[*pagewire.SeveralDaemonsError](err); ok {
		return "several_daemons"
	}
	if _, ok := errors.AsType[*pagewire.ConnectError](err); ok {
		return "connect"
	}
	if _, ok := errors.AsType[*pagewire.DisconnectedError](err); ok {
		return "disconnected"
	}
	if _, ok := errors.AsType[*pagewire.PluginError](err); ok {
		return "plugin"
	}
	return ""
}

// gate returns the channel that is closed when the gate of this name is released.
func (r *runner) gate(name string) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gates[name] == nil {
		r.gates[name] = make(chan struct{})
	}
	return r.gates[name]
}

// waitFor waits until the gate of this name is released. It returns at once for an empty name.
func (r *runner) waitFor(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	select {
	case <-r.gate(name):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *runner) release(name string) {
	gate := r.gate(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-gate:
	default:
		close(gate)
	}
}

func milliseconds(count int) time.Duration { return time.Duration(count) * time.Millisecond }

func unknown(kind, name string) error { return fmt.Errorf("no %s named `%s`", kind, name) }

// The runner of the conformance suite: commands come in, one call of the library each, and what happens
// goes out, a JSON object a line. See tests/conformance/README.md.
//
// conformance [FILE]: the commands are the lines of FILE instead of standard input, which is left to the
// library; the program ends when its plugins have.
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

// maxLineBytes bounds a command; a longer one ends the runner. 64 MiB.
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
		ctx: ctx, plugins: map[string]*runningPlugin{}, subscriptions: map[string]*subscribed{}, gates: map[string]chan struct{}{},
	}
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, maxLineBytes)
	for lines.Scan() {
		var command command
		if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
			log.Fatalf("not a command: %v: %s", err, lines.Text())
		}
		if command.Wait {
			runner.answer(&command)
		} else {
			runner.commands.Go(func() { runner.answer(&command) })
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

// A runner has what commands refer to by name.
type runner struct {
	ctx context.Context
	// commands are those that run, running the plugins.
	commands, running sync.WaitGroup

	mu            sync.Mutex
	endpoint      pagewire.Endpoint
	client        *pagewire.Client
	plugins       map[string]*runningPlugin
	subscriptions map[string]*subscribed
	gates         map[string]chan struct{}
}

// answer runs a command and says what came of it.
func (r *runner) answer(c *command) {
	ctx := r.ctx
	if c.DeadlineMS != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, milliseconds(c.DeadlineMS))
		defer cancel()
	}
	value, err := r.run(ctx, c)
	if err != nil {
		say(map[string]any{"id": c.ID, "error": errorOf(err)})
		return
	}
	say(map[string]any{"id": c.ID, "ok": value})
}

var saying sync.Mutex

// say writes a line.
func say(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		log.Fatal(err)
	}
	saying.Lock()
	defer saying.Unlock()
	if _, err := os.Stdout.Write(append(text, '\n')); err != nil {
		os.Exit(0)
	}
}

// errorOf says an error of the library.
func errorOf(err error) map[string]any {
	said := map[string]any{"kind": "other", "message": err.Error()}
	if refused, ok := errors.AsType[*pagewire.Error](err); ok {
		said["kind"], said["reason"] = "rpc", refused.Reason
		said["code"] = code.Code(refused.Code).String()
	} else if kind := kindOf(err); kind != "" {
		said["kind"] = kind
	}
	return said
}

func kindOf(err error) string {
	// One by one: the types are what the library's users look for.
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

// gate is what is open once its name was released.
func (r *runner) gate(name string) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gates[name] == nil {
		r.gates[name] = make(chan struct{})
	}
	return r.gates[name]
}

// waitFor waits until the name was released; an empty one is nothing to wait for.
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

func unknown(what, name string) error { return fmt.Errorf("no %s named `%s`", what, name) }

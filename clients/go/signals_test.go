package pagewire_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"

	pagewire "pagewire.dev/client"
)

// programVariable names the environment variable that makes the test program run a plugin. With the value "hang" its
// ServerStop never returns; with "leave" it leaves signals to the program, which does not handle them.
const programVariable = "PAGEWIRE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	program := os.Getenv(programVariable)
	if program == "" {
		os.Exit(m.Run())
	}
	err := (&pagewire.Plugin{
		Name: "program", Logger: slog.New(slog.DiscardHandler), NoSignalHandling: program == "leave",
		ServerStart: func(context.Context, *pagewire.Session) error {
			fmt.Println("started")
			return nil
		},
		ServerStop: func(context.Context, *pagewire.Client) error {
			fmt.Println("stopping")
			if program == "hang" {
				select {}
			}
			return nil
		},
	}).Run(context.Background())
	fmt.Println("ended:", err)
}

// startProgram starts the test program as a plugin, and returns a function that expects a line of its output; an empty
// one is the end.
func startProgram(t *testing.T, program string) (started *exec.Cmd, expect func(line string)) {
	started = exec.CommandContext(within(t), os.Args[0])
	started.Env = append(os.Environ(), programVariable+"="+program)
	started.Stderr = os.Stderr
	output, err := started.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := started.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	return started, func(line string) {
		t.Helper()
		if lines.Scan() != (line != "") || lines.Text() != line {
			t.Fatalf("the program printed %q, expected %q", lines.Text(), line)
		}
	}
}

func TestASignalStopsAPlugin(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			d := startDaemon(t)
			program, expect := startProgram(t, "return")
			expect("started")
			if err := program.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			expect("stopping")
			expect("ended: <nil>")
			if err := program.Wait(); err != nil {
				t.Error(err)
			}
			if plugins, err := d.client().Plugins(within(t)); err != nil || len(plugins) != 0 {
				t.Error(plugins, err)
			}
		})
	}
}

func TestASecondSignalEndsTheProgram(t *testing.T) {
	startDaemon(t)
	program, expect := startProgram(t, "hang")
	expect("started")
	_ = program.Process.Signal(os.Interrupt)
	expect("stopping")
	_ = program.Process.Signal(os.Interrupt)
	expect("")
	expectEndBy(t, program, syscall.SIGINT)
}

func TestAPluginLeavesSignalsToItsProgramIfAsked(t *testing.T) {
	startDaemon(t)
	program, expect := startProgram(t, "leave")
	expect("started")
	_ = program.Process.Signal(syscall.SIGTERM)
	expect("")
	expectEndBy(t, program, syscall.SIGTERM)
}

func expectEndBy(t *testing.T, program *exec.Cmd, signal syscall.Signal) {
	t.Helper()
	_ = program.Wait()
	if status := program.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != signal {
		t.Error(program.ProcessState)
	}
}

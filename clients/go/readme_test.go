package pagewire_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A fragment of the README is statements that use these variables, or fields of a plugin.
const (
	statements = `
func _(ctx context.Context, plugin *pagewire.Plugin, client *pagewire.Client, unsaved func(context.Context, *pagewire.Request) (*pagewire.Content, error)) (_ error) {
	{
%s
	}
%s
}
`
	fields = `
var _ = pagewire.Plugin{
%s
}
`
	imports = `package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	pagewire "pagewire.dev/client"
)

func main() { fmt.Print(strings.ToLower(""), slog.Default()) }
`
)

func TestFragmentsOfTheREADMECompile(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(sourceFolder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	field := regexp.MustCompile(`^[A-Z]\w*: `)
	declared := regexp.MustCompile(`(?m)^(\w+)(?:, (\w+))? := `)
	returns := regexp.MustCompile(`(?m)^\t?return `)
	var program strings.Builder
	program.WriteString(imports)
	fragments := 0
	for _, block := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1) {
		code := block[1]
		switch {
		case strings.HasPrefix(code, "package ") || strings.Contains(code, "\nfunc Test"):
			continue // Tested by the script check.
		case field.MatchString(code):
			fmt.Fprintf(&program, fields, code)
		case returns.MatchString(code): // the body of a function
			fmt.Fprintf(&program, statements, code, "")
		default:
			// An excerpt of a function, whose rest uses the variables.
			for _, names := range declared.FindAllStringSubmatch(code, -1) {
				for _, name := range names[1:] {
					if name != "" {
						code += "_ = " + name + "\n"
					}
				}
			}
			fmt.Fprintf(&program, statements, code, "return nil")
		}
		fragments++
	}
	if fragments < 5 {
		t.Fatalf("found only %d fragments", fragments)
	}
	source := filepath.Join(t.TempDir(), "fragments.go")
	if err := os.WriteFile(source, []byte(program.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(within(t), "go", "build", "-o", os.DevNull, source)
	build.Dir = sourceFolder
	if output, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v: %s\n%s", err, output, program.String())
	}
}

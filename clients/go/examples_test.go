package pagewire_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pagewire "pagewire.dev/client"
)

func TestExamplesDoWhatTheySay(t *testing.T) {
	d := startDaemon(t)
	client := d.client()
	for name, heard := range map[string][]string{
		"targeted-reply":            {`"type":"pong"`, `"n":7`},
		"console-log":               {`Hello from Pagewire`},
		"virtual-module":            {`"type":"import"`, `/virtual/hello.js`},
		"virtual-module-parameters": {`"type":"import"`, `/virtual/greet.js`, `["Pagewire",2]`},
		"reload-page":               {`"type":"import"`, `window.location.reload()`},
		"custom-message":            {`{"data":{"pages":1},"type":"custom-message"}`},
	} {
		t.Run(name, func(t *testing.T) {
			example := exec.Command(build(t, name))
			example.Stderr = os.Stderr
			if err := example.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = example.Process.Kill(); _ = example.Wait() })
			for ctx := within(t); ; {
				plugins, err := client.Plugins(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if len(plugins) == 1 && plugins[0].Name == name && plugins[0].State == pagewire.PluginReady {
					break
				}
			}
			d := *d
			d.t = t
			p := d.page(nil)
			p.sayText(`{"type":"ping","n":7}`)
			text := p.hearText()
			for _, part := range heard {
				if !strings.Contains(text, part) {
					t.Errorf("%s is not in %s", part, text)
				}
			}
			if strings.HasPrefix(name, "virtual-module") {
				path := map[string]string{"virtual-module": "/virtual/hello.js", "virtual-module-parameters": "/virtual/greet.js"}[name]
				if status, body, _ := d.get(path); status != 200 || !strings.Contains(body, "export default") {
					t.Error(status, body)
				}
			}
			p.socket.Close()
			// The next example counts the pages.
			for ctx := within(t); ; {
				sockets, err := client.Sockets(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				if len(sockets) == 0 {
					break
				}
			}
		})
	}
}

// build makes the program of an example.
func build(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	command := exec.Command("go", "build", "-o", program, "./examples/"+name)
	command.Dir = sourceFolder
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return program
}

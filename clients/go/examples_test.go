package pagewire_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pagewire "pagewire.dev/client"
)

func TestExamplesWork(t *testing.T) {
	d := startDaemon(t)
	client := d.client()
	programs := t.TempDir()
	build := exec.Command("go", "build", "-o", programs, "./examples/...")
	build.Dir = sourceFolder
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for name, expected := range map[string][]string{
		"targeted-reply":            {`"type":"pong"`, `"n":7`},
		"console-log":               {`Hello from Pagewire`},
		"virtual-module":            {`"type":"import"`, `/virtual/hello.js`},
		"virtual-module-parameters": {`"type":"import"`, `/virtual/greet.js`, `["Pagewire",2]`},
		"reload-page":               {`"type":"import"`, `window.location.reload()`},
		"custom-message":            {`{"data":{"pages":1},"type":"custom-message"}`},
	} {
		t.Run(name, func(t *testing.T) {
			example := exec.CommandContext(within(t), filepath.Join(programs, name))
			example.Stderr = os.Stderr
			output, err := example.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := example.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = example.Process.Kill(); _ = example.Wait() })
			for ctx := within(t); ; {
				plugins, err := client.Plugins(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if len(plugins) == 1 && plugins[0].PluginName == name && plugins[0].State == pagewire.PluginReady {
					break
				}
			}
			d := *d
			d.t = t
			p := d.page(nil)
			p.sendText(`{"type":"ping","n":7}`)
			text := p.receiveText()
			for _, part := range expected {
				if !strings.Contains(text, part) {
					t.Errorf("the page received %s, without %s", text, part)
				}
			}
			if strings.HasPrefix(name, "virtual-module") {
				path := map[string]string{"virtual-module": "/virtual/hello.js", "virtual-module-parameters": "/virtual/greet.js"}[name]
				if status, body, _ := d.get(path); status != 200 || !strings.Contains(body, "export default") {
					t.Error(status, body)
				}
			}
			if name == "virtual-module-parameters" {
				var request struct {
					Data struct{ CallID json.RawMessage }
				}
				if err := json.Unmarshal([]byte(text), &request); err != nil {
					t.Fatal(err)
				}
				p.sendText(fmt.Sprintf(`{"type":"pagewire:result","callId":%s,"ok":true,"value":{"json":31}}`, request.Data.CallID))
				if line, err := bufio.NewReader(output).ReadString('\n'); line != "the page wrote 31 letters\n" {
					t.Error(line, err)
				}
			}
			p.socket.Close()
			// Waits for the socket to close, because the next example counts the pages.
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

package main

import (
	"io"
	"net/http"
	"testing"

	"pagewire.dev/client/pagewiretest"
)

func TestOnlyPublicVariablesAreExported(t *testing.T) {
	for expected, environment := range map[string][]string{
		"const $MODE = \"a=\\\"b\\\"\";\nexport { $MODE as MODE };\n": {"PATH=/bin", "PUBLIC_MODE=a=\"b\"", "PUBLIC_1=x", "PUBLIC_X=\xff"},
		"const $new = \"\";\nexport { $new as new };\n":               {"PUBLIC_new=", "PUBLIC_=x", "MODE=PUBLIC_A"},
		"": {},
	} {
		if source := module(environment); source != expected {
			t.Errorf("%q: %s", environment, source)
		}
	}
}

func TestPagesGetTheModule(t *testing.T) {
	t.Setenv("PUBLIC_MODE", "test")
	daemon := pagewiretest.StartDaemon(t, t.TempDir())
	pagewiretest.Run(t, plugin(), daemon)
	for range 2 {
		response, err := http.Get(daemon.URL + "/env.js")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		source, err := io.ReadAll(response.Body)
		if string(source) != "const $MODE = \"test\";\nexport { $MODE as MODE };\n" || response.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Error(response.Header, string(source), err)
		}
	}
	// The daemon has remembered the first result.
	plugins, err := daemon.Client.Plugins(t.Context())
	if err != nil || len(plugins) != 1 || plugins[0].Calls != 1 {
		t.Error(plugins, err)
	}
}

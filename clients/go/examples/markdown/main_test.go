package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pagewire.dev/client/pagewiretest"
)

// The handler alone: an ordinary function.
func TestTheTextReplacesThePlaceholder(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "layout.html"), "<main>{{content}}</main>")
	response := pagewiretest.NewResponse("/notes.md", "text/markdown", "# Notes")
	response.Request.Session.RootDirs = []string{root}
	change, err := page(t.Context(), response)
	if err != nil {
		t.Fatal(err)
	}
	if string(change.Body) != "<main><h1>Notes</h1>\n</main>" || change.ContentType != "text/html" {
		t.Errorf("%s: %s", change.ContentType, change.Body)
	}
}

// The whole plugin, with the real daemon.
func TestALayoutWithoutPlaceholderIsShownAsAnError(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "notes.md"), "# Notes")
	daemon := pagewiretest.StartDaemon(t, root)
	pagewiretest.Run(t, plugin(), daemon)
	if status, body := get(t, daemon.URL+"/notes.md"); status != 200 || !strings.Contains(body, "<h1>Notes</h1>") {
		t.Error(status, body)
	}
	write(t, filepath.Join(root, "layout.html"), "<main></main>")
	if status, body := get(t, daemon.URL+"/notes.md"); status != 500 || !strings.Contains(body, "the layout has no {{content}}") {
		t.Error(status, body)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

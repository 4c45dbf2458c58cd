package pagewiretest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	pagewire "pagewire.dev/client"
	"pagewire.dev/client/pagewiretest"
)

func TestARequestHasItsParts(t *testing.T) {
	request := pagewiretest.NewRequest("POST", "/a%20b/c.html?x=%20&y", "text")
	request.Header.Set("Accept-Language", "de")
	body, err := request.ReadBody()
	if request.Method != "POST" || request.Path != "/a b/c.html" || request.Query != "x=%20&y" || request.RawTarget != "/a%20b/c.html?x=%20&y" ||
		string(body) != "text" || err != nil || request.Session.RootDirs != nil {
		t.Errorf("%+v", request)
	}
	if found, err := request.Session.Config(nil); found || err != nil {
		t.Error(found, err)
	}
	request.Session.ConfigJSON = `{"color":"gold"}`
	var config struct{ Color string }
	if found, err := request.Session.Config(&config); !found || err != nil || config.Color != "gold" {
		t.Error(found, err, config)
	}
}

func TestReadingAnOmittedBodyIsTheErrorOfTheRealRequest(t *testing.T) {
	request := pagewiretest.NewRequest("POST", "/", "")
	request.BodyOmitted, request.OmittedBytes, request.MaxRequestBodyBytes = true, 5, 4
	_, err := request.ReadBody()
	omitted, ok := errors.AsType[*pagewire.BodyTooLargeError](err)
	if !ok || *omitted != (pagewire.BodyTooLargeError{Bytes: 5, Limit: 4}) {
		t.Error(err)
	}
}

func TestAResponseIsTransformed(t *testing.T) {
	response := pagewiretest.NewResponse("/a.css?x", "text/css", "a {}")
	text, err := response.Text()
	if text != "a {}" || err != nil || response.ContentType != "text/css" || response.Request.Path != "/a.css" || response.Request.Method != "GET" {
		t.Errorf("%+v", response)
	}
	response.Body = []byte("\xff")
	if _, err := response.Text(); err == nil || err.Error() != "/a.css is not UTF-8 (save it as UTF-8, or exclude it in the plugin)" {
		t.Error(err)
	}
}

func TestContentAndSkipsAreDistinct(t *testing.T) {
	handler := func(_ context.Context, request *pagewire.Request) (*pagewire.Content, error) {
		switch request.Path {
		case "/skip":
			return pagewire.Skip(), nil
		case "/nothing":
			return nil, nil
		}
		return pagewire.CSS("a {}"), nil
	}
	for path, skipped := range map[string]bool{"/skip": true, "/nothing": true, "/a.css": false} {
		content, err := handler(t.Context(), pagewiretest.NewRequest("GET", path, ""))
		if err != nil || content.IsSkip() != skipped {
			t.Error(path, content, err)
		}
		if !skipped && (content.ContentType != "text/css" || string(content.Body) != "a {}") {
			t.Error(content)
		}
	}
}

func TestImportsAreResolvedInOrder(t *testing.T) {
	imports := pagewiretest.NewImports("/main.js", "lit", "./b.js")
	resolved := imports.Resolve(func(specifier pagewire.ImportSpecifier) string {
		return fmt.Sprint(specifier.Line, ":", specifier.Column, " ", specifier.Specifier)
	})
	if got := fmt.Sprintf("%q", resolved.Specifiers); got != `["1:9 lit" "2:9 ./b.js"]` || imports.Importer.Path != "/main.js" {
		t.Error(got, imports.Importer.Path)
	}
}

func TestAMessageIsOfTheSocket(t *testing.T) {
	message, socket := pagewiretest.NewMessage(`{"type":"say", "n":1}`), pagewiretest.NewSocket("/chat.html")
	var content struct{ N int }
	if err := message.JSON(&content); err != nil || content.N != 1 || message.Type != "say" || message.SocketID != socket.SocketID {
		t.Errorf("%+v %v", message, err)
	}
	if !socket.Ready || socket.URL != "http://127.0.0.1:8000/chat.html" {
		t.Errorf("%+v", socket)
	}
}

func TestCallsOfAClientWithoutADaemonFail(t *testing.T) {
	client := pagewiretest.NewClient()
	defer client.Close()
	for name, call := range map[string]func() error{
		"send": func() error {
			_, err := client.Send(t.Context(), pagewire.ToAll(), map[string]any{"type": "x"})
			return err
		},
		"sockets":   func() error { _, err := client.Sockets(t.Context(), nil); return err },
		"subscribe": func() error { _, err := client.Subscribe(t.Context(), pagewire.SubscribeOptions{}); return err },
		"session": func() error {
			_, err := pagewiretest.NewRequest("GET", "/", "").Session.Client.Info(t.Context())
			return err
		},
	} {
		if err := call(); err == nil || !strings.HasPrefix(err.Error(), "this client of package pagewiretest has no daemon") {
			t.Error(name, err)
		}
	}
}

func TestInvalidValuesPanic(t *testing.T) {
	for name, test := range map[string]func(){
		"target":  func() { pagewiretest.NewRequest("GET", "a.html", "") },
		"json":    func() { pagewiretest.NewMessage("{") },
		"no type": func() { pagewiretest.NewMessage("{}") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error(name)
				}
			}()
			test()
		}()
	}
}

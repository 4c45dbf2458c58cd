package pagewiretest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	pagewire "pagewire.dev/client"
	"pagewire.dev/client/internal/testclient"
)

const (
	// defaultHost is the host of requests and of the URLs of sockets.
	defaultHost = "127.0.0.1:8000"
	// defaultBodyLimit is the MaxRequestBodyBytes of requests.
	defaultBodyLimit = 1 << 20
	// socketID is the id of sockets and of the senders of messages.
	socketID = "socket-1"
	// specifierColumn is the column of a specifier in a line such as import "lit";
	specifierColumn = 9
)

// NewClient returns a client without a daemon, for handlers that are not to use it: all its calls fail, with an error
// that says so. The client of [StartDaemon] has a daemon.
func NewClient() *pagewire.Client { return testclient.New().(*pagewire.Client) }

// NewRequest returns a request as a handler gets it: target is its path, percent-encoded, and its query. The other
// fields have defaults, which the test may change. Its Session is one of a plugin named test, with the client of
// [NewClient].
//
// ReadBody returns the body. To omit the body, set BodyOmitted, and OmittedBytes to its announced size.
//
// NewRequest panics if the target is invalid.
func NewRequest(method, target, body string) *pagewire.Request {
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		panic(fmt.Sprintf("pagewiretest: invalid target of a request: %v (pass a path and query, such as /a.html?x=1)", err))
	}
	info := &pagewire.ServerInfo{}
	return &pagewire.Request{
		Method:    method,
		Path:      parsed.Path,
		Query:     parsed.RawQuery,
		RawTarget: target,
		Host:      defaultHost,
		Header:    http.Header{},
		//lint:ignore SA1019 The field is what ReadBody returns.
		Body:                []byte(body),
		MaxRequestBodyBytes: defaultBodyLimit,
		//lint:ignore SA1019 Handlers may use the old name.
		Session: &pagewire.Session{Client: NewClient(), PluginName: "test", ServerInfo: info, Server: info},
	}
}

// NewResponse returns a response to a GET request of this target: see [NewRequest].
func NewResponse(target, contentType, body string) *pagewire.Response {
	return &pagewire.Response{
		Request:     NewRequest(http.MethodGet, target, ""),
		ContentType: contentType,
		//lint:ignore SA1019 Handlers may use the old name.
		Type:   contentType,
		Header: http.Header{},
		Body:   []byte(body),
	}
}

// NewImports returns static imports of these specifiers, each in a line of its own, in the module importer: see
// [NewRequest].
func NewImports(importer string, specifiers ...string) *pagewire.Imports {
	imports := &pagewire.Imports{Importer: NewRequest(http.MethodGet, importer, "")}
	for index, specifier := range specifiers {
		imports.Imports = append(imports.Imports, pagewire.ImportSpecifier{
			Specifier: specifier, Line: index + 1, Column: specifierColumn,
		})
	}
	return imports
}

// NewMessage returns a message of the socket of [NewSocket]: a JSON object with a type, such as {"type":"say"}. Set
// RequestID to make it a request. NewMessage panics if the text is something else.
func NewMessage(text string) *pagewire.Message {
	var content struct{ Type string }
	if err := json.Unmarshal([]byte(text), &content); err != nil || content.Type == "" {
		panic(fmt.Sprintf(`pagewiretest: not a message: %s (pass a JSON object with a type, such as {"type":"say"})`, text))
	}
	return &pagewire.Message{SocketID: socketID, Type: content.Type, Text: text}
}

// NewSocket returns the ready socket of a visible page at this path.
func NewSocket(path string) *pagewire.Socket {
	return &pagewire.Socket{
		SocketID: socketID,
		//lint:ignore SA1019 Handlers may use the old name.
		ID:             socketID,
		PageID:         "page-1",
		TabID:          "tab-1",
		URL:            "http://" + defaultHost + path,
		Visibility:     pagewire.Visible,
		TopLevel:       true,
		Ready:          true,
		DocumentState:  pagewire.Complete,
		ClientFeatures: []string{"import.await"},
	}
}

package pagewire

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// Content is a response made by a plugin.
type Content struct {
	// Status is the HTTP status. 0 = 200.
	Status int
	// Type is a MIME type or a file extension. Empty = derived from the request's path.
	Type string
	// Header are further response headers. Hop-by-hop headers and Content-Length make the answer a
	// failure of the plugin.
	Header http.Header
	// Body is the whole body; it may be empty. 16 MiB at most.
	Body []byte
	// File is a file that the daemon reads in place of Body, of any size: an absolute path inside a served
	// root or the plugin's [Session.ScratchDir].
	File string
	// Remember lets the daemon answer the same request itself from now on: until it is invalidated, a
	// file that it depends on changes, or the plugin leaves. With [Skip]: do not ask again.
	Remember bool
	// Verbatim gives it to the page as it is: no transform, no socket client put into it.
	Verbatim bool
	// DependsOn are further files, as absolute paths, whose change makes a remembered answer stale.
	DependsOn []string

	skip bool
}

// JS is JavaScript.
func JS(source string) *Content { return &Content{Type: "text/javascript", Body: []byte(source)} }

// CSS is a stylesheet.
func CSS(source string) *Content { return &Content{Type: "text/css", Body: []byte(source)} }

// HTML is a page.
func HTML(source string) *Content { return &Content{Type: "text/html", Body: []byte(source)} }

// Text is plain text.
func Text(text string) *Content { return &Content{Type: "text/plain", Body: []byte(text)} }

// JSON is a value as JSON. A value that cannot be JSON is a [Failure].
func JSON(value any) (*Content, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, &Failure{Message: err.Error()}
	}
	return &Content{Type: "application/json", Body: body}, nil
}

// Skip leaves the request to the next plugin, or to the file system, as nil does. Set Remember in it to not
// be asked again for the same request.
func Skip() *Content { return &Content{skip: true} }

func (c *Content) proto() *pb.ServeContent {
	content := &pb.ServeContent{
		Status:         uint32(c.Status),
		ContentType:    valid(c.Type),
		Headers:        headerProto(c.Header),
		Remember:       c.Remember,
		Verbatim:       c.Verbatim,
		DependsOnFiles: allValid(c.DependsOn),
	}
	if c.File != "" {
		content.Body = &pb.ServeContent_FilePath{FilePath: valid(c.File)}
	} else {
		content.Body = &pb.ServeContent_InlineBody{InlineBody: c.Body}
	}
	return content
}

// A Failure is the plugin's own considered one, a syntax error say. The developer sees it in the page, and
// the page recovers by itself when the cause is fixed. A handler returns it as its error, also wrapped.
// Any other error becomes a failure with its text, and a panic one with its stack.
type Failure struct {
	// Message says what went wrong, for people.
	Message string
	// Status is the HTTP status for the page. 0 = 500.
	Status int
	// Stack is a stack trace, as it should be printed. Empty = none.
	Stack string
	// File is where in the source the cause is. Empty = unknown.
	File string
	// Line in File, from 1. 0 = unknown.
	Line int
	// Column in Line, from 1. 0 = unknown.
	Column int
	// Frame is the lines around it, as they should be shown. Empty = none.
	Frame string
	// DependsOn are further files, as absolute paths, whose change may mend it: a daemon that watches has the pages
	// that met the failure ask again.
	DependsOn []string
}

// Error is the message and the place.
func (f *Failure) Error() string {
	if f.File == "" {
		return f.Message
	}
	return fmt.Sprintf("%s (%s:%d:%d)", f.Message, f.File, f.Line, f.Column)
}

func (f *Failure) proto() *pb.HookFailure {
	failure := &pb.HookFailure{Status: uint32(f.Status), Message: valid(f.Message), Stack: valid(f.Stack), DependsOnFiles: allValid(f.DependsOn)}
	if f.File != "" || f.Line != 0 || f.Column != 0 || f.Frame != "" {
		failure.Location = &pb.SourceLocation{
			File: valid(f.File), Line: uint32(f.Line), Column: uint32(f.Column), Frame: valid(f.Frame),
		}
	}
	return failure
}

func headerProto(header http.Header) []*pb.Header {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	var list []*pb.Header
	for _, name := range names {
		for _, value := range header[name] {
			list = append(list, &pb.Header{Name: valid(strings.ToLower(name)), Value: []byte(value)})
		}
	}
	return list
}

func headerFrom(list []*pb.Header) http.Header {
	header := make(http.Header, len(list))
	for _, field := range list {
		header.Add(field.GetName(), string(field.GetValue()))
	}
	return header
}

// valid is the text in UTF-8, as all text is on the wire: one that is not would end the hook's stream.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func allValid(texts []string) []string {
	list := make([]string, 0, len(texts))
	for _, text := range texts {
		list = append(list, valid(text))
	}
	return list
}

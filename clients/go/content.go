package pagewire

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// Content is a response of a plugin.
type Content struct {
	// Status is the HTTP status. 0 = 200.
	Status int
	// ContentType is a MIME type or a file extension. Empty = derived from the request's path.
	ContentType string
	// Type is the earlier name of ContentType, which takes precedence if both are set.
	//
	// Deprecated: use ContentType.
	Type string
	// Header has further response headers. Hop-by-hop headers and Content-Length are refused: the page gets
	// an error.
	Header http.Header
	// Body is the complete body, which may be empty. At most 16 MiB.
	Body []byte
	// File is a file that the daemon sends instead of Body, of any size: an absolute path inside a served
	// root or the plugin's [Session.ScratchDir]. A File beside a Body that is not empty is a failure of the plugin.
	File string
	// Remember lets the daemon cache the content for identical requests: until it is invalidated, a file it
	// depends on changes, or the plugin disconnects. With [Skip], the skip is cached.
	Remember bool
	// Verbatim sends the content unchanged: without transforms and without injecting the socket client.
	Verbatim bool
	// DependsOn are further files, as absolute paths, whose change makes the cached content stale.
	DependsOn []string

	skip bool
	// constructed is the type that a function such as [HTML] has set in both fields.
	constructed string
}

func newContent(contentType string, body []byte) *Content {
	return &Content{ContentType: contentType, Type: contentType, Body: body, constructed: contentType}
}

// contentType returns the type that the program has set: Type only if ContentType is as constructed.
func (c *Content) contentType() string {
	if c.ContentType == c.constructed {
		return c.Type
	}
	return c.ContentType
}

// JS returns JavaScript content.
func JS(source string) *Content { return newContent("text/javascript", []byte(source)) }

// CSS returns a stylesheet.
func CSS(source string) *Content { return newContent("text/css", []byte(source)) }

// HTML returns an HTML page.
func HTML(source string) *Content { return newContent("text/html", []byte(source)) }

// Text returns plain text.
func Text(text string) *Content { return newContent("text/plain", []byte(text)) }

// JSON returns a value encoded as JSON. The error is a [Failure] if it cannot be encoded.
func JSON(value any) (*Content, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, NewFailure(err.Error())
	}
	return newContent("application/json", body), nil
}

// Skip passes the request on to the next plugin, or to the file system, as nil does. Set Remember in it to
// let the daemon cache the skip for identical requests.
func Skip() *Content { return &Content{skip: true} }

// IsSkip reports whether a handler that returns c skips the request: c is nil or made by [Skip].
func (c *Content) IsSkip() bool { return c == nil || c.skip }

// check returns a failure if the content contradicts itself.
func (c *Content) check() error {
	if c.File != "" && len(c.Body) > 0 {
		return NewFailure(fmt.Sprintf("the content has both a Body and the File %s (set one of them)", c.File))
	}
	return nil
}

func (c *Content) proto() *pb.ServeContent {
	content := &pb.ServeContent{
		Status:         uint32(c.Status),
		ContentType:    toValidUTF8(c.contentType()),
		Headers:        headerProto(c.Header),
		Remember:       c.Remember,
		Verbatim:       c.Verbatim,
		DependsOnFiles: allToValidUTF8(c.DependsOn),
	}
	if c.File != "" {
		content.Body = &pb.ServeContent_FilePath{FilePath: toValidUTF8(c.File)}
	} else {
		content.Body = &pb.ServeContent_InlineBody{InlineBody: c.Body}
	}
	return content
}

// A Failure is an error of the requested content, such as a syntax error in its source. The developer sees
// it in the page, which recovers by itself when the cause is fixed. A handler returns it as its error,
// possibly wrapped. Any other error becomes a failure with the error's text; a panic becomes a failure with its
// stack.
type Failure struct {
	// Message is the description for people.
	Message string
	// Status is the HTTP status for the page. 0 = 500.
	Status int
	// Stack is a stack trace, printed as given. Empty = none.
	Stack string
	// File is the source file with the cause. Empty = unknown.
	File string
	// Line in File, from 1. 0 = unknown.
	Line int
	// Column in Line, from 1. 0 = unknown.
	Column int
	// Frame is an excerpt of the source around the cause, shown as given. Empty = none.
	Frame string
	// DependsOn are further files, as absolute paths, whose change may fix the error: with --watch, pages
	// reload then.
	DependsOn []string
}

// NewFailure returns a failure with this message.
func NewFailure(message string) *Failure { return &Failure{Message: message} }

// At sets the location of the cause, and returns the failure. A line or column of 0 is unknown.
func (f *Failure) At(file string, line, column int) *Failure {
	f.File, f.Line, f.Column = file, line, column
	return f
}

// Error returns the message and the source location, as far as it is known.
func (f *Failure) Error() string {
	switch {
	case f.File == "":
		return f.Message
	case f.Line == 0:
		return fmt.Sprintf("%s (%s)", f.Message, f.File)
	case f.Column == 0:
		return fmt.Sprintf("%s (%s:%d)", f.Message, f.File, f.Line)
	}
	return fmt.Sprintf("%s (%s:%d:%d)", f.Message, f.File, f.Line, f.Column)
}

func (f *Failure) proto() *pb.HookFailure {
	failure := &pb.HookFailure{Status: uint32(f.Status), Message: toValidUTF8(f.Message), Stack: toValidUTF8(f.Stack), DependsOnFiles: allToValidUTF8(f.DependsOn)}
	if f.File != "" || f.Line != 0 || f.Column != 0 || f.Frame != "" {
		failure.Location = &pb.SourceLocation{
			File: toValidUTF8(f.File), Line: uint32(f.Line), Column: uint32(f.Column), Frame: toValidUTF8(f.Frame),
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
			list = append(list, &pb.Header{Name: toValidUTF8(strings.ToLower(name)), Value: []byte(value)})
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

// toValidUTF8 replaces invalid UTF-8, because it would end the hook's stream.
func toValidUTF8(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func allToValidUTF8(texts []string) []string {
	list := make([]string, 0, len(texts))
	for _, text := range texts {
		list = append(list, toValidUTF8(text))
	}
	return list
}

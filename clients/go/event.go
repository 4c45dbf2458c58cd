package pagewire

import (
	"encoding/json"
	"time"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// An Event is one event of the daemon's log. The opening of a socket comes before all its other events, its
// closing after them.
type Event struct {
	// Position is its position in the log.
	Position Position
	// Time is when the daemon logged it, by the daemon's clock.
	Time time.Time
	// What happened: a [*Message], [*SocketOpened], [*SocketUpdated], [*SocketClosed], [*ConsoleEntry],
	// [*PageError], [*FileChanged] or [*Gap]. A type switch needs a default, because later versions may add
	// types.
	What What
}

// What holds the content of an event. Only types of this package implement it.
type What interface{ what() }

func (*Message) what()       {}
func (*SocketOpened) what()  {}
func (*SocketUpdated) what() {}
func (*SocketClosed) what()  {}
func (*ConsoleEntry) what()  {}
func (*PageError) what()     {}
func (*FileChanged) what()   {}
func (*Gap) what()           {}

// A Message is a message of a page.
type Message struct {
	// SocketID is the socket that sent it; [ToSocket] with this id reaches the same page.
	SocketID string
	// Type is the type of the message; empty for a binary one.
	Type string
	// Text is the text as the page sent it, byte for byte. Empty for a binary message, and for one whose
	// content was omitted.
	Text string
	// Binary is the content of a binary message.
	Binary []byte
	// RequestID is the id for [Client.Reply], if the message is a request. Otherwise empty.
	RequestID string
	// OmittedBytes is the size of a message whose content was omitted, because it is larger than
	// [SubscribeOptions.MaxEventBytes]. 0 = the content is present.
	OmittedBytes uint64
}

// JSON decodes the message.
func (m *Message) JSON(to any) error { return json.Unmarshal([]byte(m.Text), to) }

// SocketOpened reports that a document connected.
type SocketOpened struct {
	// Socket is the socket when it opened; its page may not have sent its hello yet.
	Socket Socket
	// PreviousSocketID is the previous socket of the same document. Empty = none.
	PreviousSocketID string
}

// SocketUpdated reports that a socket became ready or its description changed.
type SocketUpdated struct {
	// Socket is the complete socket after the change.
	Socket Socket
}

// SocketClosed reports that a socket was closed; no events of it follow.
type SocketClosed struct {
	// SocketID is the socket's id, which is never reused.
	SocketID string
	// CloseCode is the WebSocket close code; 1006 if there was no close frame.
	CloseCode int
	// CloseReason is the text of the close frame. Empty = none.
	CloseReason string
	// Cause is why it was closed. Empty = unknown.
	Cause CloseCause
	// Code is CloseCode.
	//
	// Deprecated: use CloseCode.
	Code int
	// Reason is CloseReason.
	//
	// Deprecated: use CloseReason.
	Reason string
}

// CloseCause is the cause of a closed socket.
type CloseCause string

// The causes of a closed socket.
const (
	// PageUnloaded: the page navigated away, reloaded or was closed.
	PageUnloaded CloseCause = "page_unloaded"
	// ConnectionLost: the connection was lost without a close frame.
	ConnectionLost CloseCause = "connection_lost"
	// NoPong: two pings were not answered.
	NoPong CloseCause = "no_pong"
	// SlowPage: two pings were not answered, and earlier messages were still unread by the page.
	SlowPage CloseCause = "slow"
	// ClosedByAPI: a program called [Client.CloseSockets].
	ClosedByAPI CloseCause = "closed_by_api"
	// ServerStopping: the daemon stops.
	ServerStopping CloseCause = "server_stopping"
	// ProtocolError: the page violated the protocol or a limit.
	ProtocolError CloseCause = "protocol_error"
)

// A ConsoleEntry is a console call of a page.
type ConsoleEntry struct {
	// SocketID is the page's socket.
	SocketID string
	// Level is the console method.
	Level ConsoleLevel
	// Args are the arguments as passed; a format string is not expanded.
	Args []*JSValue
	// Stack is the call stack of an error or a warning, in the browser's own format. Empty = unknown.
	Stack string
	// URL is the script that called the console. Empty = unknown.
	URL string
	// Line of the call in URL, from 1. 0 = unknown.
	Line int
	// Column of the call in Line, from 1. 0 = unknown.
	Column int
}

// A PageError is an error in a page that its code did not handle.
type PageError struct {
	// SocketID is the page's socket.
	SocketID string
	// Exception is the error.
	Exception *Exception
	// Kind is the kind of error. Empty = unknown.
	Kind PageErrorKind
	// FailedResource is the failure of a plugin because of which the resource did not load. nil = the kind is
	// another, or the daemon knows of none.
	FailedResource *FailedResource
}

// A FailedResource is a response that a plugin's failure replaced: the resource that did not load, or a module that
// it imports.
type FailedResource struct {
	// PluginName is the plugin that failed.
	PluginName string
	// Hook is the hook that failed: serve, transform or resolve_import.
	Hook string
	// URL is the path and query of the response, as requested.
	URL string
	// Status is the HTTP status of the response.
	Status int
	// Message is the message of the [Failure], or what the daemon says of a missed deadline or a lost plugin.
	Message string
	// Location is where in the source the cause is. nil = unknown.
	Location *SourceLocation
}

// A SourceLocation is a location in a source file.
type SourceLocation struct {
	// File is the file, as the plugin named it. Empty = unknown.
	File string
	// Line in File, from 1. 0 = unknown.
	Line int
	// Column in Line, from 1. 0 = unknown.
	Column int
	// Frame is an excerpt of the source around the location. Empty = none.
	Frame string
}

// PageErrorKind is a kind of page error.
type PageErrorKind string

// The kinds of page errors.
const (
	// Uncaught: an uncaught exception.
	Uncaught PageErrorKind = "uncaught"
	// UnhandledRejection: an unhandled promise rejection.
	UnhandledRejection PageErrorKind = "unhandled_rejection"
	// Resource: a script, stylesheet, image or other resource did not load.
	Resource PageErrorKind = "resource"
	// CSP: the content security policy blocked something.
	CSP PageErrorKind = "csp"
)

// FileChanged reports that a watched file changed.
type FileChanged struct {
	// FilePath is the absolute path of the file on the daemon's machine.
	FilePath string
	// URLPath is the URL path at which it is served, percent-encoded. Empty = it is not served.
	URLPath string
	// Kind is the kind of change.
	Kind FileChange
	// Path is FilePath.
	//
	// Deprecated: use FilePath.
	Path string
}

// FileChange is a kind of change to a file.
type FileChange string

// The kinds of changes to a file.
const (
	// Created: it did not exist before.
	Created FileChange = "created"
	// Modified: its content changed.
	Modified FileChange = "modified"
	// Removed: it no longer exists.
	Removed FileChange = "removed"
	// Buffered: an editor's unsaved buffer changed; the file itself did not.
	Buffered FileChange = "buffer"
)

// A Gap reports that events were lost to this subscriber. The bounds are exact; the events at the bounds are
// not lost.
type Gap struct {
	// AfterSequence is the sequence of the last event before the gap.
	AfterSequence uint64
	// BeforeSequence is the sequence of the first event after the gap.
	BeforeSequence uint64
	// Reason is why they were lost.
	Reason GapReason
	// After is AfterSequence.
	//
	// Deprecated: use AfterSequence.
	After uint64
	// Before is BeforeSequence.
	//
	// Deprecated: use BeforeSequence.
	Before uint64
}

// GapReason is the reason of a gap.
type GapReason string

// The reasons of a gap.
const (
	// Evicted: the log no longer held the events.
	Evicted GapReason = "evicted"
	// EpochChanged: the position to resume after belongs to another run of the daemon.
	EpochChanged GapReason = "epoch_changed"
	// SubscriberSlow: the subscriber's buffer was full, and [SubscribeOptions.GapsWhenSlow] is set.
	SubscriberSlow GapReason = "subscriber_slow"
)

// eventContentFrom returns the content of an event, or nil for a kind that this version does not know.
func eventContentFrom(response *pb.SubscribeMessagesResponse) What {
	switch event := response.GetEvent().(type) {
	case *pb.SubscribeMessagesResponse_Message:
		message := event.Message
		return &Message{
			SocketID:     message.GetSocketId(),
			Type:         message.GetType(),
			Text:         message.GetText(),
			Binary:       message.GetBinary(),
			RequestID:    message.GetRequestId(),
			OmittedBytes: message.GetOmittedBytes(),
		}
	case *pb.SubscribeMessagesResponse_SocketOpened:
		return &SocketOpened{socketFrom(event.SocketOpened.GetSocket()), event.SocketOpened.GetPreviousSocketId()}
	case *pb.SubscribeMessagesResponse_SocketUpdated:
		return &SocketUpdated{socketFrom(event.SocketUpdated.GetSocket())}
	case *pb.SubscribeMessagesResponse_SocketClosed:
		closed := event.SocketClosed
		return &SocketClosed{
			SocketID:  closed.GetSocketId(),
			CloseCode: int(closed.GetCloseCode()), Code: int(closed.GetCloseCode()),
			CloseReason: closed.GetCloseReason(), Reason: closed.GetCloseReason(),
			Cause: CloseCause(enumName(closed.GetCause(), "CAUSE_")),
		}
	case *pb.SubscribeMessagesResponse_Console:
		entry := event.Console
		console := &ConsoleEntry{
			SocketID: entry.GetSocketId(),
			Level:    ConsoleLevel(enumName(entry.GetLevel(), "CONSOLE_LEVEL_")),
			Stack:    entry.GetStack(),
			URL:      entry.GetUrl(),
			Line:     int(entry.GetLine()),
			Column:   int(entry.GetColumn()),
		}
		for _, arg := range entry.GetArgs() {
			console.Args = append(console.Args, valueFrom(arg))
		}
		return console
	case *pb.SubscribeMessagesResponse_PageError:
		return &PageError{
			SocketID:  event.PageError.GetSocketId(),
			Exception: exceptionFrom(event.PageError.GetException()),
			Kind:      PageErrorKind(enumName(event.PageError.GetKind(), "KIND_")),

			FailedResource: failedResourceFrom(event.PageError.GetFailedResource()),
		}
	case *pb.SubscribeMessagesResponse_FileChanged:
		return &FileChanged{
			FilePath: event.FileChanged.GetFilePath(), Path: event.FileChanged.GetFilePath(),
			URLPath: event.FileChanged.GetUrlPath(),
			Kind:    FileChange(enumName(event.FileChanged.GetKind(), "KIND_")),
		}
	case *pb.SubscribeMessagesResponse_Gap:
		return &Gap{
			AfterSequence: event.Gap.GetAfterSequence(), After: event.Gap.GetAfterSequence(),
			BeforeSequence: event.Gap.GetBeforeSequence(), Before: event.Gap.GetBeforeSequence(),
			Reason: GapReason(enumName(event.Gap.GetReason(), "REASON_")),
		}
	}
	return nil
}

func failedResourceFrom(resource *pb.FailedResource) *FailedResource {
	if resource == nil {
		return nil
	}
	failed := &FailedResource{
		PluginName: resource.GetPluginName(),
		Hook:       enumName(resource.GetHook(), "HOOK_"),
		URL:        resource.GetUrl(),
		Status:     int(resource.GetStatus()),
		Message:    resource.GetMessage(),
	}
	if location := resource.GetLocation(); location != nil {
		failed.Location = &SourceLocation{
			File: location.GetFile(), Line: int(location.GetLine()), Column: int(location.GetColumn()), Frame: location.GetFrame(),
		}
	}
	return failed
}

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
	// Code is the WebSocket close code; 1006 if there was no close frame.
	Code int
	// Reason is the text of the close frame. Empty = none.
	Reason string
	// Cause is why it was closed. Empty = unknown.
	Cause CloseCause
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
	// Stack is the call stack in the browser's own format. Empty = unknown.
	Stack string
}

// A PageError is an error in a page that its code did not handle.
type PageError struct {
	// SocketID is the page's socket.
	SocketID string
	// Exception is the error.
	Exception *Exception
	// Kind is the kind of error. Empty = unknown.
	Kind PageErrorKind
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
	// Path is the absolute path of the file on the daemon's machine.
	Path string
	// URLPath is the URL path at which it is served, percent-encoded. Empty = it is not served.
	URLPath string
	// Kind is the kind of change.
	Kind FileChange
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
	// After is the sequence of the last event before the gap.
	After uint64
	// Before is the sequence of the first event after the gap.
	Before uint64
	// Reason is why they were lost.
	Reason GapReason
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
			SocketID: closed.GetSocketId(),
			Code:     int(closed.GetCloseCode()),
			Reason:   closed.GetCloseReason(),
			Cause:    CloseCause(enumName(closed.GetCause(), "CAUSE_")),
		}
	case *pb.SubscribeMessagesResponse_Console:
		entry := event.Console
		console := &ConsoleEntry{
			SocketID: entry.GetSocketId(),
			Level:    ConsoleLevel(enumName(entry.GetLevel(), "CONSOLE_LEVEL_")),
			Stack:    entry.GetStack(),
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
		}
	case *pb.SubscribeMessagesResponse_FileChanged:
		return &FileChanged{
			Path:    event.FileChanged.GetFilePath(),
			URLPath: event.FileChanged.GetUrlPath(),
			Kind:    FileChange(enumName(event.FileChanged.GetKind(), "KIND_")),
		}
	case *pb.SubscribeMessagesResponse_Gap:
		return &Gap{
			After:  event.Gap.GetAfterSequence(),
			Before: event.Gap.GetBeforeSequence(),
			Reason: GapReason(enumName(event.Gap.GetReason(), "REASON_")),
		}
	}
	return nil
}

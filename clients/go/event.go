package pagewire

import (
	"encoding/json"
	"time"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// An Event is one entry of the daemon's log. Of one socket, its opening comes before all its events and
// its closing after them.
type Event struct {
	// Position is its place in the log.
	Position Position
	// Time is when the daemon logged it, by the daemon's clock.
	Time time.Time
	// What happened: a [*Message], [*SocketOpened], [*SocketUpdated], [*SocketClosed], [*ConsoleEntry],
	// [*PageError], [*FileChanged] or [*Gap]. Later versions tell more: have a default in a type switch.
	What What
}

// What is something that happened. Only types of this package are.
type What interface{ what() }

func (*Message) what()       {}
func (*SocketOpened) what()  {}
func (*SocketUpdated) what() {}
func (*SocketClosed) what()  {}
func (*ConsoleEntry) what()  {}
func (*PageError) what()     {}
func (*FileChanged) what()   {}
func (*Gap) what()           {}

// A Message is what a page sent.
type Message struct {
	// SocketID is the socket it came from: [ToSocket] with it reaches the same page.
	SocketID string
	// Type is the type of the message; empty for a binary one.
	Type string
	// Text is what the page sent, byte for byte. Empty for a binary message, and for one whose content
	// was left out.
	Text string
	// Binary is the content of a binary message.
	Binary []byte
	// RequestID names the page's request, if it is one that [Client.Reply] can answer. Else it is empty.
	RequestID string
	// OmittedBytes is the size of a message whose content was left out, being larger than
	// [SubscribeOptions.MaxEventBytes]. 0 = the content is here.
	OmittedBytes uint64
}

// JSON decodes the message.
func (m *Message) JSON(to any) error { return json.Unmarshal([]byte(m.Text), to) }

// SocketOpened says that a document connected.
type SocketOpened struct {
	// Socket is as it was when it opened; its page may not have said what it is.
	Socket Socket
	// PreviousSocketID is the socket that the same document had before. Empty = none.
	PreviousSocketID string
}

// SocketUpdated says that a socket became ready, or what is known of it changed.
type SocketUpdated struct {
	// Socket is the whole of it, after the change.
	Socket Socket
}

// SocketClosed says that a socket is gone; nothing of it follows.
type SocketClosed struct {
	// SocketID is the socket. It is never used again.
	SocketID string
	// Code is the WebSocket close code; 1006 if there was no close frame.
	Code int
	// Reason is the text of the close frame. Empty = none.
	Reason string
	// Cause is what led to it. Empty = not known.
	Cause CloseCause
}

// CloseCause is what led to the end of a socket.
type CloseCause string

// What can lead to the end of a socket.
const (
	// PageUnloaded: the page left, reloaded or was closed.
	PageUnloaded CloseCause = "page_unloaded"
	// ConnectionLost: the connection broke without a close frame.
	ConnectionLost CloseCause = "connection_lost"
	// NoPong: two pings were not answered.
	NoPong CloseCause = "no_pong"
	// SlowPage: the same, and the page has not read what was sent before.
	SlowPage CloseCause = "slow"
	// ClosedByAPI: [Client.CloseSockets], of whatever program.
	ClosedByAPI CloseCause = "closed_by_api"
	// ServerStopping: the daemon stops.
	ServerStopping CloseCause = "server_stopping"
	// ProtocolError: the page broke the protocol or a limit.
	ProtocolError CloseCause = "protocol_error"
)

// A ConsoleEntry is what a page wrote to its console.
type ConsoleEntry struct {
	// SocketID is the page's socket.
	SocketID string
	// Level is the console method used.
	Level ConsoleLevel
	// Args are as passed, a format string unexpanded.
	Args []*JSValue
	// Stack is where it was called, in the browser's own format. Empty = not known.
	Stack string
}

// A PageError is something that failed in a page and no code of the page took.
type PageError struct {
	// SocketID is the page's socket.
	SocketID string
	// Exception is what failed.
	Exception *Exception
	// Kind is how it failed. Empty = not known.
	Kind PageErrorKind
}

// PageErrorKind is a way a page can fail.
type PageErrorKind string

// The ways a page can fail.
const (
	// Uncaught: an exception that nothing caught.
	Uncaught PageErrorKind = "uncaught"
	// UnhandledRejection: a rejected promise that nothing handled.
	UnhandledRejection PageErrorKind = "unhandled_rejection"
	// Resource: a script, stylesheet, image or other resource did not load.
	Resource PageErrorKind = "resource"
	// CSP: the content security policy blocked something.
	CSP PageErrorKind = "csp"
)

// FileChanged says that a watched file changed.
type FileChanged struct {
	// Path is the file, absolute, on the daemon's machine.
	Path string
	// URLPath is what it is served under, percent-encoded. Empty = nothing.
	URLPath string
	// Kind is what happened to it.
	Kind FileChange
}

// FileChange is a change to a file.
type FileChange string

// The changes to a file.
const (
	// Created: it did not exist before.
	Created FileChange = "created"
	// Modified: its content changed.
	Modified FileChange = "modified"
	// Removed: it exists no more.
	Removed FileChange = "removed"
	// Buffered: an editor's unsaved text; the file itself did not change.
	Buffered FileChange = "buffer"
)

// A Gap says that events are lost to this subscriber: those between the two, which are not lost.
type Gap struct {
	// After is the sequence of the last event before the gap.
	After uint64
	// Before is the sequence of the first event after the gap.
	Before uint64
	// Reason is why they are lost.
	Reason GapReason
}

// GapReason is why events are lost.
type GapReason string

// Why events can be lost.
const (
	// Evicted: the log no longer held them.
	Evicted GapReason = "evicted"
	// EpochChanged: the position to resume after is of another run of the daemon.
	EpochChanged GapReason = "epoch_changed"
	// SubscriberSlow: the subscriber's buffer was full, and [SubscribeOptions.GapsWhenSlow] is set.
	SubscriberSlow GapReason = "subscriber_slow"
)

// whatFrom is nil for what this version does not know.
func whatFrom(response *pb.SubscribeMessagesResponse) What {
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
			Cause:    CloseCause(word(closed.GetCause(), "CAUSE_")),
		}
	case *pb.SubscribeMessagesResponse_Console:
		entry := event.Console
		made := &ConsoleEntry{
			SocketID: entry.GetSocketId(),
			Level:    ConsoleLevel(word(entry.GetLevel(), "CONSOLE_LEVEL_")),
			Stack:    entry.GetStack(),
		}
		for _, arg := range entry.GetArgs() {
			made.Args = append(made.Args, valueFrom(arg))
		}
		return made
	case *pb.SubscribeMessagesResponse_PageError:
		return &PageError{
			SocketID:  event.PageError.GetSocketId(),
			Exception: exceptionFrom(event.PageError.GetException()),
			Kind:      PageErrorKind(word(event.PageError.GetKind(), "KIND_")),
		}
	case *pb.SubscribeMessagesResponse_FileChanged:
		return &FileChanged{
			Path:    event.FileChanged.GetFilePath(),
			URLPath: event.FileChanged.GetUrlPath(),
			Kind:    FileChange(word(event.FileChanged.GetKind(), "KIND_")),
		}
	case *pb.SubscribeMessagesResponse_Gap:
		return &Gap{
			After:  event.Gap.GetAfterSequence(),
			Before: event.Gap.GetBeforeSequence(),
			Reason: GapReason(word(event.Gap.GetReason(), "REASON_")),
		}
	}
	return nil
}

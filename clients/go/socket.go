package pagewire

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A Socket is one WebSocket connection of one document; frames have their own.
type Socket struct {
	// ID names this connection. It is never used again; a reconnect has another.
	ID string
	// PageID names the document; it stays the same across its reconnects.
	PageID string
	// TabID names the browser tab; it stays the same across reloads. Frames have their top page's.
	TabID string
	// URL is the document's location, as its page reported it last.
	URL string
	// Title is the document's title, as its page reported it last.
	Title string
	// UserAgent is the User-Agent header of the connection. Empty = it had none.
	UserAgent string
	// Visibility is what the page reported last. Empty = nothing yet.
	Visibility Visibility
	// TopLevel tells that the document is its tab's top page, not a frame.
	TopLevel bool
	// RemoteAddress is where the connection came from, as ip:port.
	RemoteAddress string
	// ConnectTime is when the daemon accepted it, by the daemon's clock.
	ConnectTime time.Time
	// Ready tells that the page has said what it is, or had a second without: filters see it.
	Ready bool
	// DocumentState is how far the document has loaded, as its page reported it last. Empty = not yet.
	DocumentState DocumentState
	// ClientFeatures are what the page's script can do. Empty = it never said hello.
	ClientFeatures []string
}

// Visibility is a page's document.visibilityState.
type Visibility string

// What a page can be.
const (
	// Visible is a page that is at least partly visible.
	Visible Visibility = "visible"
	// Hidden is a page in a background tab, minimised or covered.
	Hidden Visibility = "hidden"
)

// DocumentState is a page's document.readyState.
type DocumentState string

// How far a document can have loaded.
const (
	// Loading is a document that is still parsed.
	Loading DocumentState = "loading"
	// Interactive is one that is parsed, and whose subresources still load.
	Interactive DocumentState = "interactive"
	// Complete is one that has loaded.
	Complete DocumentState = "complete"
)

// A SocketFilter is a condition on ready sockets: all fields that are set must hold. One without any is
// refused by the daemon (FIELD_INVALID) where it is a target.
type SocketFilter struct {
	// URL is a regular expression that the socket's URL must contain: RE2 syntax, unanchored.
	URL string
	// UserAgent is a regular expression that the socket's User-Agent must contain.
	UserAgent string
	// Visibility narrows to pages that are Visible or Hidden.
	Visibility Visibility
	// TopLevel narrows to top-level documents: no frames.
	TopLevel bool
}

func (f *SocketFilter) proto() *pb.SocketFilter {
	if f == nil {
		return nil
	}
	filter := &pb.SocketFilter{UrlRegex: f.URL, UserAgentRegex: f.UserAgent, TopLevelOnly: f.TopLevel}
	switch f.Visibility {
	case Visible:
		filter.Visibility = pb.Visibility_VISIBILITY_VISIBLE
	case Hidden:
		filter.Visibility = pb.Visibility_VISIBILITY_HIDDEN
	}
	return filter
}

// A SocketList is the sockets of one instant.
type SocketList struct {
	// Sockets are in no particular order.
	Sockets []Socket
	// Position is the instant: subscribe after it to miss nothing later.
	Position Position
}

// A Position is a place in the daemon's event log.
type Position struct {
	// Epoch names one run of the daemon. Opaque: compare it for equality only.
	Epoch string
	// Sequence counts the events of one epoch, from 1. 0 = before the first.
	Sequence uint64
}

// String is the epoch and the sequence.
func (p Position) String() string { return fmt.Sprintf("%s/%d", p.Epoch, p.Sequence) }

func (p Position) proto() *pb.Position { return &pb.Position{Epoch: p.Epoch, Sequence: p.Sequence} }

func positionFrom(position *pb.Position) Position {
	return Position{position.GetEpoch(), position.GetSequence()}
}

func socketFrom(socket *pb.Socket) Socket {
	return Socket{
		ID:             socket.GetSocketId(),
		PageID:         socket.GetPageId(),
		TabID:          socket.GetTabId(),
		URL:            socket.GetUrl(),
		Title:          socket.GetTitle(),
		UserAgent:      socket.GetUserAgent(),
		Visibility:     Visibility(word(socket.GetVisibility(), "VISIBILITY_")),
		TopLevel:       socket.GetTopLevel(),
		RemoteAddress:  socket.GetRemoteAddress(),
		ConnectTime:    timeFrom(socket.GetConnectTime()),
		Ready:          socket.GetReady(),
		DocumentState:  DocumentState(word(socket.GetDocumentState(), "DOCUMENT_STATE_")),
		ClientFeatures: socket.GetClientFeatures(),
	}
}

func socketsFrom(sockets []*pb.Socket) []Socket {
	list := make([]Socket, 0, len(sockets))
	for _, socket := range sockets {
		list = append(list, socketFrom(socket))
	}
	return list
}

// word is a value of the contract's enums without its prefix, in lower case; empty if it is unspecified.
func word(value fmt.Stringer, prefix string) string {
	name := strings.ToLower(strings.TrimPrefix(value.String(), prefix))
	if name == "unspecified" {
		return ""
	}
	return name
}

// timeFrom is the zero time where the daemon said none.
func timeFrom(time_ *timestamppb.Timestamp) (t time.Time) {
	if time_ != nil {
		t = time_.AsTime()
	}
	return t
}

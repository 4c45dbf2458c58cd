package pagewire

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A Socket is one WebSocket connection of one document. Each frame has its own.
type Socket struct {
	// SocketID identifies this connection. It is never reused; a reconnect gets another.
	SocketID string
	// ID is SocketID.
	//
	// Deprecated: use SocketID.
	ID string
	// PageID identifies the document; it stays the same across its reconnects.
	PageID string
	// TabID identifies the browser tab; it stays the same across reloads. Frames have the id of their top page.
	TabID string
	// URL is the document's location, as last reported by the page.
	URL string
	// Title is the document's title, as last reported by the page.
	Title string
	// UserAgent is the User-Agent header of the connection. Empty = none.
	UserAgent string
	// Visibility is the page's visibility, as last reported. Empty = not reported yet.
	Visibility Visibility
	// TopLevel is whether the document is its tab's top page, not a frame.
	TopLevel bool
	// RemoteAddress is the address of the peer, as ip:port.
	RemoteAddress string
	// ConnectTime is when the daemon accepted it, by the daemon's clock.
	ConnectTime time.Time
	// Ready is whether the page has sent its hello, or its 1 s timeout has elapsed. Filters match only ready
	// sockets.
	Ready bool
	// DocumentState is the load state of the document, as last reported. Empty = not reported yet.
	DocumentState DocumentState
	// ClientFeatures are the features of the page's script. Empty = it never sent its hello.
	ClientFeatures []string
}

// Visibility is a page's document.visibilityState.
type Visibility string

// The values of document.visibilityState.
const (
	// Visible: at least partly visible.
	Visible Visibility = "visible"
	// Hidden: in a background tab, minimized or covered.
	Hidden Visibility = "hidden"
)

// DocumentState is a page's document.readyState.
type DocumentState string

// The values of document.readyState.
const (
	// Loading: the document is still being parsed.
	Loading DocumentState = "loading"
	// Interactive: the document is parsed, but its subresources are still loading.
	Interactive DocumentState = "interactive"
	// Complete: the document and its subresources have loaded.
	Complete DocumentState = "complete"
)

// A SocketFilter is a condition on ready sockets: all fields that are set must match. As a target, the zero
// value is refused by the daemon (FIELD_INVALID).
type SocketFilter struct {
	// URL is a regular expression for the socket's URL: RE2 syntax, unanchored.
	URL string
	// UserAgent is a regular expression for the socket's User-Agent.
	UserAgent string
	// Visibility narrows to pages that are Visible or Hidden.
	Visibility Visibility
	// TopLevel narrows to top-level documents, excluding frames.
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

// A SocketList is a snapshot of the connected sockets.
type SocketList struct {
	// Sockets are in no particular order.
	Sockets []Socket
	// Position is the position of the snapshot: subscribe with it as [SubscribeOptions.ResumeAfter] to miss no
	// later event.
	Position Position
}

// A Position is a position in the daemon's event log.
type Position struct {
	// Epoch identifies one run of the daemon. It is opaque: compare it only for equality.
	Epoch string
	// Sequence numbers the events of one epoch, from 1. 0 = before the first.
	Sequence uint64
}

// String returns the epoch and the sequence.
func (p Position) String() string { return fmt.Sprintf("%s/%d", p.Epoch, p.Sequence) }

func (p Position) proto() *pb.Position { return &pb.Position{Epoch: p.Epoch, Sequence: p.Sequence} }

func positionFrom(position *pb.Position) Position {
	return Position{position.GetEpoch(), position.GetSequence()}
}

func socketFrom(socket *pb.Socket) Socket {
	return Socket{
		SocketID:       socket.GetSocketId(),
		ID:             socket.GetSocketId(),
		PageID:         socket.GetPageId(),
		TabID:          socket.GetTabId(),
		URL:            socket.GetUrl(),
		Title:          socket.GetTitle(),
		UserAgent:      socket.GetUserAgent(),
		Visibility:     Visibility(enumName(socket.GetVisibility(), "VISIBILITY_")),
		TopLevel:       socket.GetTopLevel(),
		RemoteAddress:  socket.GetRemoteAddress(),
		ConnectTime:    timeFrom(socket.GetConnectTime()),
		Ready:          socket.GetReady(),
		DocumentState:  DocumentState(enumName(socket.GetDocumentState(), "DOCUMENT_STATE_")),
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

// enumName returns the name of an enum value without its prefix, in lower case; empty if it is unspecified.
func enumName(value fmt.Stringer, prefix string) string {
	name := strings.ToLower(strings.TrimPrefix(value.String(), prefix))
	if name == "unspecified" {
		return ""
	}
	return name
}

// timeFrom returns the zero time for nil.
func timeFrom(timestamp *timestamppb.Timestamp) time.Time {
	if timestamp == nil {
		return time.Time{}
	}
	return timestamp.AsTime()
}

package pagewire

import pb "pagewire.dev/client/internal/pagewirev1"

// A Target selects the sockets of an operation. The selection is a snapshot: sockets that open later are not part
// of it.
//
// To prevent accidental broadcasts, the daemon refuses the zero Target, an empty list and an empty filter
// (FIELD_INVALID); [ToAll] selects all sockets. An unknown id is not an error, but a row of the [Report].
type Target struct {
	selector  func(*pb.Target)
	excluding []string
}

// ToSocket selects one socket.
func ToSocket(id string) Target { return ToSockets(id) }

// ToSockets selects these sockets.
func ToSockets(ids ...string) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_Ids{Ids: &pb.SocketIds{SocketIds: ids}}
	}}
}

// ToTab selects all sockets of one browser tab, including those of its frames.
func ToTab(id string) Target { return ToTabs(id) }

// ToTabs selects all sockets of these browser tabs, including those of their frames.
func ToTabs(ids ...string) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_Tabs{Tabs: &pb.TabIds{TabIds: ids}}
	}}
}

// ToPage selects the socket of one document, across its reconnects.
func ToPage(id string) Target { return ToPages(id) }

// ToPages selects the sockets of these documents, across their reconnects.
func ToPages(ids ...string) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_Pages{Pages: &pb.PageIds{PageIds: ids}}
	}}
}

// ToURL selects the ready sockets whose URL matches this regular expression: RE2 syntax, unanchored.
func ToURL(regex string) Target { return ToMatching(SocketFilter{URL: regex}) }

// ToMatching selects the ready sockets that match the filter.
func ToMatching(filter SocketFilter) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_Filter{Filter: filter.proto()}
	}}
}

// ToAll selects all connected sockets, ready or not.
func ToAll() Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_All{All: &pb.AllSockets{}}
	}}
}

// Excluding returns the target without these sockets, which get no row in the report. Unknown ids are ignored.
func (t Target) Excluding(socketIDs ...string) Target {
	t.excluding = append(t.excluding[:len(t.excluding):len(t.excluding)], socketIDs...)
	return t
}

// toReply selects the socket that made the request.
func toReply(requestID string) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_ReplyTo{ReplyTo: requestID}
	}}
}

func (t Target) proto() *pb.Target {
	target := &pb.Target{ExcludeSocketIds: t.excluding}
	if t.selector != nil {
		t.selector(target)
	}
	return target
}

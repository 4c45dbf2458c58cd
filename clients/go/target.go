package pagewire

import pb "pagewire.dev/client/internal/pagewirev1"

// A Target says which sockets an operation is for. The selection is one instant's snapshot: sockets that
// open later are not in it.
//
// There is no broadcast by accident: the zero Target, a list without ids and a filter without a
// condition are refused by the daemon (FIELD_INVALID); everybody is [ToAll]. An id that nobody has is no
// error but a row of the [Report].
type Target struct {
	selector  func(*pb.Target)
	excluding []string
}

// ToSocket is one socket.
func ToSocket(id string) Target { return ToSockets(id) }

// ToSockets are these sockets.
func ToSockets(ids ...string) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_Ids{Ids: &pb.SocketIds{SocketIds: ids}}
	}}
}

// ToTab is every socket of one browser tab, those of its frames included.
func ToTab(id string) Target { return ToTabs(id) }

// ToTabs are every socket of these browser tabs, those of their frames included.
func ToTabs(ids ...string) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_Tabs{Tabs: &pb.TabIds{TabIds: ids}}
	}}
}

// ToPage is the socket of one document, across its reconnects.
func ToPage(id string) Target { return ToPages(id) }

// ToPages are the sockets of these documents, across their reconnects.
func ToPages(ids ...string) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_Pages{Pages: &pb.PageIds{PageIds: ids}}
	}}
}

// ToURL is the ready sockets whose URL this regular expression is found in: RE2 syntax, unanchored.
func ToURL(regex string) Target { return ToMatching(SocketFilter{URL: regex}) }

// ToMatching is the ready sockets that match.
func ToMatching(filter SocketFilter) Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_Filter{Filter: filter.proto()}
	}}
}

// ToAll is every connected socket, ready or not.
func ToAll() Target {
	return Target{selector: func(t *pb.Target) {
		t.Selector = &pb.Target_All{All: &pb.AllSockets{}}
	}}
}

// Excluding is the target without these sockets, which get no row in the report. Ids that nobody has
// are ignored.
func (t Target) Excluding(socketIDs ...string) Target {
	t.excluding = append(t.excluding[:len(t.excluding):len(t.excluding)], socketIDs...)
	return t
}

// toReply is the socket whose request this answers.
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

package pagewire

import (
	"reflect"
	"testing"

	pb "pagewire.dev/client/internal/pagewirev1"
)

func TestEitherNameOfAContentTypeWorksAndTheNewOneWins(t *testing.T) {
	for name, c := range map[string]struct {
		content  *Content
		change   func(*Content)
		expected string
	}{
		"constructor":                         {HTML(""), func(*Content) {}, "text/html"},
		"old name after a constructor":        {HTML(""), func(c *Content) { c.Type = "text/plain" }, "text/plain"},
		"new name after a constructor":        {HTML(""), func(c *Content) { c.ContentType = "text/plain" }, "text/plain"},
		"derived type after a constructor":    {HTML(""), func(c *Content) { c.ContentType = "" }, ""},
		"old name of a literal":               {&Content{}, func(c *Content) { c.Type = "css" }, "css"},
		"new name of a literal":               {&Content{}, func(c *Content) { c.ContentType = "css" }, "css"},
		"both names of a literal":             {&Content{}, func(c *Content) { c.ContentType, c.Type = "css", "js" }, "css"},
		"both names, changed by a middleware": {HTML(""), func(c *Content) { c.ContentType, c.Type = "css", "js" }, "css"},
	} {
		c.change(c.content)
		if sent := c.content.proto().GetContentType(); sent != c.expected {
			t.Errorf("%s: %q", name, sent)
		}
	}
	for _, change := range []Change{{ContentType: "css"}, {Type: "css"}, {ContentType: "css", Type: "js"}} {
		if sent := change.proto().GetContentType(); sent != "css" {
			t.Errorf("%+v: %q", change, sent)
		}
	}
}

func TestOldNamesHaveTheValuesOfTheNewOnes(t *testing.T) {
	event := func(response *pb.SubscribeMessagesResponse) any { return eventContentFrom(response) }
	for _, c := range []struct{ received, expected any }{
		{
			event(&pb.SubscribeMessagesResponse{Event: &pb.SubscribeMessagesResponse_SocketClosed{
				SocketClosed: &pb.SocketClosed{SocketId: "s", CloseCode: 1001, CloseReason: "bye", Cause: pb.SocketClosed_CAUSE_SLOW},
			}}),
			&SocketClosed{SocketID: "s", CloseCode: 1001, CloseReason: "bye", Cause: SlowPage, Code: 1001, Reason: "bye"},
		},
		{
			event(&pb.SubscribeMessagesResponse{Event: &pb.SubscribeMessagesResponse_FileChanged{
				FileChanged: &pb.FileChanged{FilePath: "/site/a.js", UrlPath: "/a.js", Kind: pb.FileChanged_KIND_CREATED},
			}}),
			&FileChanged{FilePath: "/site/a.js", URLPath: "/a.js", Kind: Created, Path: "/site/a.js"},
		},
		{
			event(&pb.SubscribeMessagesResponse{Event: &pb.SubscribeMessagesResponse_Gap{
				Gap: &pb.Gap{AfterSequence: 3, BeforeSequence: 7, Reason: pb.Gap_REASON_EVICTED},
			}}),
			&Gap{AfterSequence: 3, BeforeSequence: 7, Reason: Evicted, After: 3, Before: 7},
		},
		{
			socketFrom(&pb.Socket{SocketId: "s", Ready: true}),
			Socket{SocketID: "s", ID: "s", Ready: true, ClientFeatures: nil},
		},
		{
			pluginInfoFrom(&pb.Plugin{PluginName: "p", PluginVersion: "1.2", State: pb.Plugin_STATE_READY}),
			PluginInfo{PluginName: "p", PluginVersion: "1.2", Name: "p", Version: "1.2", State: PluginReady},
		},
		{
			fromFiltersError(&pb.FiltersError{Code: 3, Reason: "FIELD_INVALID", Message: "bad", FieldViolations: []*pb.FieldViolation{{Field: "f", Description: "d"}}}),
			&Error{Code: 3, Reason: "FIELD_INVALID", Message: "bad", Violations: []FieldViolation{{"f", "d"}}, Fields: []FieldViolation{{"f", "d"}}},
		},
	} {
		if !reflect.DeepEqual(c.received, c.expected) {
			t.Errorf("%+v, expected %+v", c.received, c.expected)
		}
	}
	session := sessionFrom(nil, nil, &pb.ServerStarted{Server: &pb.GetServerInfoResponse{ServerVersion: "1.2.3"}})
	if session.Server != session.ServerInfo || session.Server.Version != "1.2.3" || session.ServerInfo.ServerVersion != "1.2.3" {
		t.Errorf("%+v", session)
	}
}

func TestAFailureIsMadeAtALocation(t *testing.T) {
	failure := NewFailure("unexpected }").At("a.vue", 3, 7)
	if !reflect.DeepEqual(failure, &Failure{Message: "unexpected }", File: "a.vue", Line: 3, Column: 7}) {
		t.Errorf("%+v", failure)
	}
}

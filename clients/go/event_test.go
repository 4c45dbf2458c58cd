package pagewire

import (
	"reflect"
	"testing"

	pb "pagewire.dev/client/internal/pagewirev1"
)

func TestAPageErrorNamesThePluginThatFailed(t *testing.T) {
	received := func(failed *pb.FailedResource) *FailedResource {
		t.Helper()
		event, ok := eventContentFrom(&pb.SubscribeMessagesResponse{Event: &pb.SubscribeMessagesResponse_PageError{
			PageError: &pb.PageError{Kind: pb.PageError_KIND_RESOURCE, FailedResource: failed},
		}}).(*PageError)
		if !ok || event.Kind != Resource {
			t.Fatalf("%+v", event)
		}
		return event.FailedResource
	}
	sent := &pb.FailedResource{
		PluginName: "p", Hook: pb.Hook_HOOK_RESOLVE_IMPORT, Url: "/bad.js?v=1", Status: 502, Message: "no such color",
		Location: &pb.SourceLocation{File: "bad.ts", Line: 3, Column: 7, Frame: "> 3 | red"},
	}
	expected := &FailedResource{
		PluginName: "p", Hook: "resolve_import", URL: "/bad.js?v=1", Status: 502, Message: "no such color",
		Location: &SourceLocation{File: "bad.ts", Line: 3, Column: 7, Frame: "> 3 | red"},
	}
	if failed := received(sent); !reflect.DeepEqual(failed, expected) {
		t.Errorf("%+v", failed)
	}
	sent.Location, expected.Location = nil, nil
	if failed := received(sent); !reflect.DeepEqual(failed, expected) {
		t.Errorf("%+v", failed)
	}
	if failed := received(nil); failed != nil {
		t.Errorf("%+v", failed)
	}
}

func TestAConsoleEntryHasThePlaceOfTheCall(t *testing.T) {
	event := eventContentFrom(&pb.SubscribeMessagesResponse{Event: &pb.SubscribeMessagesResponse_Console{
		Console: &pb.ConsoleEntry{SocketId: "s", Url: "http://localhost/a.js", Line: 3, Column: 5, Stack: "at f"},
	}})
	expected := &ConsoleEntry{SocketID: "s", URL: "http://localhost/a.js", Line: 3, Column: 5, Stack: "at f"}
	if !reflect.DeepEqual(event, expected) {
		t.Errorf("%+v", event)
	}
}

package pagewire

import (
	"encoding/json"
	"fmt"
	"strings"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A JSValue is a JavaScript value, as it came out of a page.
type JSValue struct {
	// Kind is which sort of value it is.
	Kind JSKind
	// Text is the value: JSON as the page made it, "NaN", or a description. Empty for JSUndefined.
	Text string
}

// JSKind is a sort of JavaScript value.
type JSKind string

// The sorts of JavaScript values.
const (
	// JSJSON is what JSON.stringify made of it: verbatim, never cut.
	JSJSON JSKind = "json"
	// JSUndefined is undefined, or a module without a default function.
	JSUndefined JSKind = "undefined"
	// JSUnserializable is NaN, Infinity, -Infinity, -0, or a bigint as 123n.
	JSUnserializable JSKind = "unserializable"
	// JSDescription is text about anything else: a DOM node, a function, a cycle.
	JSDescription JSKind = "description"
	// JSTruncated is the beginning of a description of what is larger than the limit.
	JSTruncated JSKind = "truncated"
)

// JSON decodes the value. undefined reads as null; what is no JSON is an error.
func (v *JSValue) JSON(to any) error {
	switch v.Kind {
	case JSJSON:
		return json.Unmarshal([]byte(v.Text), to)
	case JSUndefined:
		return json.Unmarshal([]byte("null"), to)
	}
	return fmt.Errorf("not a json value: %s (have the page return something JSON.stringify keeps)", v)
}

// String is what a console would show.
func (v *JSValue) String() string {
	switch v.Kind {
	case JSUndefined:
		return "undefined"
	case JSTruncated:
		return v.Text + "..."
	}
	return v.Text
}

func valueFrom(value *pb.JsValue) *JSValue {
	switch kind := value.GetKind().(type) {
	case *pb.JsValue_Json:
		return &JSValue{JSJSON, kind.Json}
	case *pb.JsValue_Unserializable:
		return &JSValue{JSUnserializable, kind.Unserializable}
	case *pb.JsValue_Description:
		if value.GetTruncated() {
			return &JSValue{JSTruncated, kind.Description}
		}
		return &JSValue{JSDescription, kind.Description}
	}
	return &JSValue{Kind: JSUndefined}
}

// An Exception is something that was thrown in a page.
type Exception struct {
	// Phase is how far an awaited import had come; empty for a [PageError].
	Phase Phase
	// Name is the error's name, TypeError say. Empty for what is no Error.
	Name string
	// Message is the error's message, or what was thrown as text.
	Message string
	// Stack is in the browser's own format. Empty = none.
	Stack string
	// URL is the script it was thrown in. Empty = unknown.
	URL string
	// Line in URL, from 1. 0 = unknown.
	Line int
	// Column in Line, from 1. 0 = unknown.
	Column int
	// ThrownJSON is what was thrown and is no Error, as JSON, when it has one.
	ThrownJSON string
}

// Phase is a part of an awaited import.
type Phase string

// The parts of an awaited import that can fail.
const (
	// PhaseLoad: the module could not be fetched, parsed, linked or evaluated.
	PhaseLoad Phase = "load"
	// PhaseCall: its default export threw, or its promise rejected.
	PhaseCall Phase = "call"
	// PhaseSerialize: the value could not be turned into a message.
	PhaseSerialize Phase = "serialize"
)

// Error is the name and the message, and where it was thrown unless they or the stack say so.
func (e *Exception) Error() string {
	var text strings.Builder
	switch e.Phase {
	case PhaseLoad:
		text.WriteString("could not be loaded: ")
	case PhaseSerialize:
		text.WriteString("its value could not be sent: ")
	}
	thrown := e.Message
	if thrown == "" {
		thrown = e.ThrownJSON
	}
	text.WriteString(e.Name)
	if e.Name != "" && thrown != "" {
		text.WriteString(": ")
	}
	text.WriteString(thrown)
	place := e.URL
	if e.Line != 0 {
		place = fmt.Sprintf("%s:%d:%d", e.URL, e.Line, e.Column)
	}
	if e.URL != "" && !strings.Contains(e.Message, place) && !strings.Contains(e.Stack, place) {
		fmt.Fprintf(&text, " (%s)", place)
	}
	return text.String()
}

func exceptionFrom(thrown *pb.JsException) *Exception {
	return &Exception{
		Phase:      Phase(word(thrown.GetPhase(), "PHASE_")),
		Name:       thrown.GetName(),
		Message:    thrown.GetMessage(),
		Stack:      thrown.GetStack(),
		URL:        thrown.GetUrl(),
		Line:       int(thrown.GetLine()),
		Column:     int(thrown.GetColumn()),
		ThrownJSON: thrown.GetThrownJson(),
	}
}

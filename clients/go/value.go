package pagewire

import (
	"encoding/json"
	"fmt"
	"strings"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A JSValue is a JavaScript value of a page.
type JSValue struct {
	// Kind is the kind of value.
	Kind JSKind
	// Text is the value: JSON as the page serialized it, "NaN", or a description. Empty for JSUndefined.
	Text string
}

// JSKind is a kind of JavaScript value.
type JSKind string

// The kinds of JavaScript values.
const (
	// JSJSON is the output of JSON.stringify: verbatim, never truncated.
	JSJSON JSKind = "json"
	// JSUndefined is undefined, or a module without a default function.
	JSUndefined JSKind = "undefined"
	// JSUnserializable is NaN, Infinity, -Infinity, -0, or a bigint as 123n.
	JSUnserializable JSKind = "unserializable"
	// JSDescription is a description of any other value: a DOM node, a function, a cycle.
	JSDescription JSKind = "description"
	// JSTruncated is the beginning of a value that is larger than the limit.
	JSTruncated JSKind = "truncated"
)

// JSON decodes the value; undefined is decoded as null. It fails if the value is not JSON.
func (v *JSValue) JSON(to any) error {
	switch v.Kind {
	case JSJSON:
		return json.Unmarshal([]byte(v.Text), to)
	case JSUndefined:
		return json.Unmarshal([]byte("null"), to)
	}
	return fmt.Errorf("not a json value: %s (let the page return something that JSON.stringify supports)", v)
}

// String returns the value as a console would show it.
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

// An Exception is an exception in a page.
type Exception struct {
	// Phase is the phase of the awaited import that failed; empty for a [PageError].
	Phase Phase
	// Name is the error's name, such as TypeError. Empty if the thrown value is not an Error.
	Name string
	// Message is the error's message, or the thrown value as text.
	Message string
	// Stack is the stack trace in the browser's own format. Empty = none.
	Stack string
	// URL is the script that threw it. Empty = unknown.
	URL string
	// Line in URL, from 1. 0 = unknown.
	Line int
	// Column in Line, from 1. 0 = unknown.
	Column int
	// ThrownJSON is the thrown value as JSON, if it is not an Error and can be serialized.
	ThrownJSON string
}

// Phase is a phase of an awaited import.
type Phase string

// The phases of an awaited import.
const (
	// PhaseLoad: the module could not be fetched, parsed, linked or evaluated.
	PhaseLoad Phase = "load"
	// PhaseCall: its default export threw, or its promise rejected.
	PhaseCall Phase = "call"
	// PhaseSerialize: the value could not be serialized.
	PhaseSerialize Phase = "serialize"
)

// Error returns the name and the message, and the location unless the message or the stack contains it.
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
	location := e.URL
	if e.Line != 0 {
		location = fmt.Sprintf("%s:%d:%d", e.URL, e.Line, e.Column)
	}
	if e.URL != "" && !strings.Contains(e.Message, location) && !strings.Contains(e.Stack, location) {
		fmt.Fprintf(&text, " (%s)", location)
	}
	return text.String()
}

func exceptionFrom(thrown *pb.JsException) *Exception {
	return &Exception{
		Phase:      Phase(enumName(thrown.GetPhase(), "PHASE_")),
		Name:       thrown.GetName(),
		Message:    thrown.GetMessage(),
		Stack:      thrown.GetStack(),
		URL:        thrown.GetUrl(),
		Line:       int(thrown.GetLine()),
		Column:     int(thrown.GetColumn()),
		ThrownJSON: thrown.GetThrownJson(),
	}
}

package pagewire

import (
	"encoding/json"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// An Import is a module for pages to import, and what to call its default export with.
type Import struct {
	// Path is the module's URL as a page would import it: /x.js, https://...
	Path string
	// Code is the module's source, in place of Path. The daemon serves it from the pages' own origin, so
	// that it passes a strict content security policy, has real stack traces, and is evaluated each time.
	Code string
	// Args are the arguments of the default export, as package json encodes them. A [json.RawMessage]
	// reaches the page verbatim.
	Args []any
	// Fresh evaluates the module again in pages that have it already.
	Fresh bool
	// Timeout is how long pages may take; those that overrun are rows. 0 = 10 s.
	Timeout time.Duration
	// MaxResultBytes is the largest result of one page; a larger one is JSTruncated. 0 = 1 MiB. All rows
	// together share 3 MiB.
	MaxResultBytes int
}

// proto is the request, which waits for results if a time to wait is given.
func (i Import) proto(target Target, wait time.Duration) (*pb.SendImportRequest, error) {
	request := &pb.SendImportRequest{
		Target:         target.proto(),
		Mode:           pb.ImportMode_IMPORT_MODE_REUSE,
		MaxResultBytes: size(i.MaxResultBytes),
	}
	switch {
	case i.Path != "" && i.Code != "":
		return nil, errors.New("an import has both a Path and Code (give one)")
	case i.Path != "":
		request.Module = &pb.SendImportRequest_ImportPath{ImportPath: i.Path}
	case i.Code != "":
		request.Module = &pb.SendImportRequest_Code{Code: i.Code}
	}
	if i.Fresh {
		request.Mode = pb.ImportMode_IMPORT_MODE_FRESH
	}
	if wait != 0 {
		request.AwaitResult = true
		request.Timeout = durationpb.New(wait)
	}
	for _, arg := range i.Args {
		text, err := encode(arg)
		if err != nil {
			return nil, err
		}
		request.ArgsJson = append(request.ArgsJson, text)
	}
	return request, nil
}

// encode makes JSON of a value. Text that is JSON already stays as it is.
func encode(value any) (string, error) {
	if raw, ok := value.(json.RawMessage); ok {
		return string(raw), nil
	}
	text, err := json.Marshal(value)
	return string(text), err
}

// An ImportReport is what an awaited import came to, page by page.
type ImportReport struct {
	// Report says whom the import reached.
	Report Report
	// Rows has exactly one for each selected socket, whatever happened to it. Empty = nobody was
	// selected.
	Rows []ImportRow
}

// An ImportRow is what one page made of an awaited import.
type ImportRow struct {
	// SocketID is the page's socket.
	SocketID string
	// Value is what the default export returned, or its promise resolved to. It is nil if there is Err.
	Value *JSValue
	// Err says why there is no value; else it is nil.
	Err *ImportError
	// Elapsed is the time from selection to the answer, or to giving up, by the daemon's clock.
	Elapsed time.Duration
}

// JSON decodes the value of the row, or returns its Err.
func (r *ImportRow) JSON(to any) error {
	if r.Err != nil {
		return r.Err
	}
	return r.Value.JSON(to)
}

// An ImportError says why a page has no value to show for an import.
type ImportError struct {
	// Kind tells them apart.
	Kind ImportErrorKind
	// Exception is what was thrown, for ImportThrown and ImportLoad. Else it is nil.
	Exception *Exception
	// Status is why the page never answered, for the other kinds.
	Status DeliveryStatus
}

// ImportErrorKind is a way an import can fail in a page.
type ImportErrorKind string

// The ways an import can fail in a page.
const (
	// ImportThrown: the call threw, or its value could not be turned into a message.
	ImportThrown ImportErrorKind = "thrown"
	// ImportLoad: the module could not be fetched, parsed, linked or evaluated.
	ImportLoad ImportErrorKind = "load"
	// ImportTimeout: the page did not answer in time.
	ImportTimeout ImportErrorKind = "timeout"
	// ImportPageGone: the page has closed, or there is no such socket.
	ImportPageGone ImportErrorKind = "page_gone"
	// ImportUnsupported: the page's script cannot answer, or never said hello.
	ImportUnsupported ImportErrorKind = "unsupported"
	// ImportDroppedSlow: the page's queue was full, and it was not told.
	ImportDroppedSlow ImportErrorKind = "dropped_slow"
)

// Error says what was thrown, or why the page did not answer.
func (e *ImportError) Error() string {
	if e.Exception != nil {
		return e.Exception.Error()
	}
	return "the page did not answer: " + e.Status.Text()
}

// Unwrap returns Exception, if there is one.
func (e *ImportError) Unwrap() error {
	if e.Exception != nil {
		return e.Exception
	}
	return nil
}

func importRowFrom(result *pb.ImportResult) ImportRow {
	row := ImportRow{SocketID: result.GetSocketId(), Elapsed: result.GetElapsed().AsDuration()}
	switch outcome := result.GetOutcome().(type) {
	case *pb.ImportResult_Value:
		row.Value = valueFrom(outcome.Value)
	case *pb.ImportResult_Exception:
		row.Err = &ImportError{Kind: ImportThrown, Exception: exceptionFrom(outcome.Exception)}
		if row.Err.Exception.Phase == PhaseLoad {
			row.Err.Kind = ImportLoad
		}
	default:
		row.Err = &ImportError{Status: statusFrom(result.GetUnanswered())}
		switch row.Err.Status {
		case TimedOut:
			row.Err.Kind = ImportTimeout
		case Unsupported:
			row.Err.Kind = ImportUnsupported
		case DroppedSlow:
			row.Err.Kind = ImportDroppedSlow
		default:
			row.Err.Kind = ImportPageGone
		}
	}
	return row
}

package pagewire

import (
	"encoding/json"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// An Import is a module for pages to import, with the arguments of its default export.
type Import struct {
	// Path is the module's URL as a page would import it: /x.js, https://...
	Path string
	// Code is the module's source, instead of Path. The daemon serves it from the pages' own origin, so
	// that it passes a strict content security policy, has real stack traces, and is evaluated each time.
	Code string
	// Args are the arguments of the default export, as package json encodes them. A [json.RawMessage]
	// reaches the page verbatim.
	Args []any
	// Fresh evaluates the module again in pages that have already imported it.
	Fresh bool
	// Timeout is how long to wait for each page; a page that exceeds it gets a row with ImportTimeout. 0 = 10 s.
	Timeout time.Duration
	// MaxResultBytes limits the result of one page; a larger result is cut off (JSTruncated). 0 = 1 MiB. All
	// rows together have at most 3 MiB.
	MaxResultBytes int
}

// proto returns the request, which awaits the results unless wait is 0.
func (i Import) proto(target Target, wait time.Duration) (*pb.SendImportRequest, error) {
	request := &pb.SendImportRequest{
		Target:         target.proto(),
		Mode:           pb.ImportMode_IMPORT_MODE_REUSE,
		MaxResultBytes: size(i.MaxResultBytes),
	}
	switch {
	case i.Path != "" && i.Code != "":
		return nil, errors.New("an import has both Path and Code (set one of them)")
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

// encode encodes a value as JSON. Raw JSON stays unchanged.
func encode(value any) (string, error) {
	if raw, ok := value.(json.RawMessage); ok {
		return string(raw), nil
	}
	text, err := json.Marshal(value)
	return string(text), err
}

// An ImportReport is the result of an awaited import.
type ImportReport struct {
	// Report is the delivery report.
	Report Report
	// Rows has exactly one row for each selected socket. Empty = no socket was selected.
	Rows []ImportRow
}

// An ImportRow is the result of an awaited import in one page.
type ImportRow struct {
	// SocketID is the page's socket.
	SocketID string
	// Value is what the default export returned, or its promise resolved to. Nil if Err is set.
	Value *JSValue
	// Err says why there is no value; nil if there is one.
	Err *ImportError
	// Elapsed is the time from selection to the result or the timeout, by the daemon's clock.
	Elapsed time.Duration
}

// JSON decodes the value of the row, or returns Err.
func (r *ImportRow) JSON(to any) error {
	if r.Err != nil {
		return r.Err
	}
	return r.Value.JSON(to)
}

// An ImportError is why a page returned no value for an import.
type ImportError struct {
	// Kind is the kind of error.
	Kind ImportErrorKind
	// Exception is what was thrown, for ImportThrown and ImportLoad. Otherwise nil.
	Exception *Exception
	// Status is why the page did not respond, for the other kinds.
	Status DeliveryStatus
}

// ImportErrorKind is a kind of import error.
type ImportErrorKind string

// The kinds of import errors.
const (
	// ImportThrown: the call threw, or its value could not be serialized.
	ImportThrown ImportErrorKind = "thrown"
	// ImportLoad: the module could not be fetched, parsed, linked or evaluated.
	ImportLoad ImportErrorKind = "load"
	// ImportTimeout: the page did not respond in time.
	ImportTimeout ImportErrorKind = "timeout"
	// ImportPageGone: the page was closed, or there is no such socket.
	ImportPageGone ImportErrorKind = "page_gone"
	// ImportUnsupported: the page's script cannot return results, or never sent its hello.
	ImportUnsupported ImportErrorKind = "unsupported"
	// ImportDroppedSlow: the page's queue was full, and the import was not sent.
	ImportDroppedSlow ImportErrorKind = "dropped_slow"
)

// Error returns what was thrown, or why the page did not respond.
func (e *ImportError) Error() string {
	if e.Exception != nil {
		return e.Exception.Error()
	}
	return "the page did not respond: " + e.Status.Text()
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

package pagewire

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"

	pb "pagewire.dev/client/internal/pagewirev1"
)

const (
	// defaultImportTimeout is the time limit of the pages for an awaited import.
	defaultImportTimeout = 10 * time.Second
	// importMargin is added to the import's timeout for the deadline of the call.
	importMargin = 5 * time.Second
)

// A SendOption is an option for the confirmation and report of a send.
type SendOption struct{ set func(*pb.DeliveryOptions) }

// ConfirmReceipt counts a socket as reached only when its browser has confirmed the frame, instead of when the
// frame is in the socket's queue. Such a send waits for the slowest page, until its deadline.
func ConfirmReceipt() SendOption {
	return SendOption{func(delivery *pb.DeliveryOptions) { delivery.AckLevel = pb.AckLevel_ACK_LEVEL_RECEIVED }}
}

// ListReached makes the report list the reached sockets instead of only counting them.
func ListReached() SendOption {
	return SendOption{func(delivery *pb.DeliveryOptions) { delivery.ListReached = true }}
}

func deliveryOf(options []SendOption) *pb.DeliveryOptions {
	if len(options) == 0 {
		return nil
	}
	delivery := &pb.DeliveryOptions{}
	for _, option := range options {
		if option.set != nil {
			option.set(delivery)
		}
	}
	return delivery
}

// Send sends a value as one JSON message, as package json encodes it. Page code expects an object with a
// type. At most 16 MiB by default.
func (c *Client) Send(ctx context.Context, target Target, value any, options ...SendOption) (*Report, error) {
	text, err := encode(value)
	if err != nil {
		return nil, err
	}
	return c.SendJSON(ctx, target, text, options...)
}

// SendJSON sends JSON text unchanged: numbers, key order, spacing and duplicate keys are preserved. The daemon
// refuses invalid JSON.
func (c *Client) SendJSON(ctx context.Context, target Target, text string, options ...SendOption) (*Report, error) {
	return c.send(ctx, &pb.SendRequest{
		Target: target.proto(), Payload: &pb.SendRequest_Json{Json: text}, Delivery: deliveryOf(options),
	})
}

// SendText sends a text frame, verbatim and unchecked.
func (c *Client) SendText(ctx context.Context, target Target, text string, options ...SendOption) (*Report, error) {
	return c.send(ctx, &pb.SendRequest{
		Target: target.proto(), Payload: &pb.SendRequest_Text{Text: text}, Delivery: deliveryOf(options),
	})
}

// SendBinary sends a binary frame, verbatim.
func (c *Client) SendBinary(ctx context.Context, target Target, data []byte, options ...SendOption) (*Report, error) {
	return c.send(ctx, &pb.SendRequest{
		Target: target.proto(), Payload: &pb.SendRequest_Binary{Binary: data}, Delivery: deliveryOf(options),
	})
}

// Reply replies to a page's request with a value, as package json encodes it; a [json.RawMessage] reaches the
// page unchanged. Only the first reply is delivered: a later one is an [Error] with ALREADY_ANSWERED,
// REQUEST_EXPIRED (20 s) or REQUEST_NOT_FOUND.
func (c *Client) Reply(ctx context.Context, request *Message, value any) (*Report, error) {
	text, err := encode(value)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, &pb.SendRequest{
		Target: toReply(request.RequestID).proto(), Payload: &pb.SendRequest_Json{Json: text},
	})
}

// ReplyError replies to a page's request with an error. Otherwise as [Client.Reply].
func (c *Client) ReplyError(ctx context.Context, request *Message, problem string) (*Report, error) {
	return c.send(ctx, &pb.SendRequest{
		Target: toReply(request.RequestID).proto(), Payload: &pb.SendRequest_Error{Error: toValidUTF8(problem)},
	})
}

// SendImport makes pages import a module and call its default export, without waiting for the result.
func (c *Client) SendImport(ctx context.Context, target Target, module Import) (*Report, error) {
	request, err := module.proto(target, 0)
	if err != nil {
		return nil, err
	}
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.SendImport(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

// ImportValue makes pages import a module and call its default export, and waits for the value that the export
// returns, or that its promise resolves to. It takes as long as the slowest page, up to [Import.Timeout].
func (c *Client) ImportValue(ctx context.Context, target Target, module Import) (*ImportReport, error) {
	wait := module.Timeout
	if wait == 0 {
		wait = defaultImportTimeout
	}
	request, err := module.proto(target, wait)
	if err != nil {
		return nil, err
	}
	ctx, cancel := withDefaultDeadline(ctx, wait+importMargin)
	defer cancel()
	response, err := c.rpc.SendImport(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	report, err := reportFrom(response.GetReport())
	if err != nil {
		return nil, err
	}
	imported := &ImportReport{Report: *report}
	for _, result := range response.GetResults() {
		imported.Rows = append(imported.Rows, importRowFrom(result))
	}
	return imported, nil
}

// ConsoleLevel is a method of the pages' console.
type ConsoleLevel string

// The methods of the console.
const (
	// ConsoleLog is console.log. The empty level means the same.
	ConsoleLog ConsoleLevel = "log"
	// ConsoleDebug is console.debug; most consoles hide it by default.
	ConsoleDebug ConsoleLevel = "debug"
	// ConsoleInfo is console.info.
	ConsoleInfo ConsoleLevel = "info"
	// ConsoleWarn is console.warn.
	ConsoleWarn ConsoleLevel = "warn"
	// ConsoleError is console.error.
	ConsoleError ConsoleLevel = "error"
)

func (l ConsoleLevel) proto() pb.ConsoleLevel {
	switch l {
	case ConsoleDebug:
		return pb.ConsoleLevel_CONSOLE_LEVEL_DEBUG
	case ConsoleInfo:
		return pb.ConsoleLevel_CONSOLE_LEVEL_INFO
	case ConsoleWarn:
		return pb.ConsoleLevel_CONSOLE_LEVEL_WARN
	case ConsoleError:
		return pb.ConsoleLevel_CONSOLE_LEVEL_ERROR
	}
	return pb.ConsoleLevel_CONSOLE_LEVEL_LOG
}

// A ConsoleOption is an option of [Client.ConsoleLog]: a [ConsoleSource] or a [SendOption].
type ConsoleOption interface {
	addTo(*pb.SendConsoleLogRequest)
}

// ConsoleSource is where a text for the console comes from, such as a plugin's name. The pages print it before the
// text, in brackets.
type ConsoleSource string

func (s ConsoleSource) addTo(request *pb.SendConsoleLogRequest) { request.Source = string(s) }

func (o SendOption) addTo(request *pb.SendConsoleLogRequest) {
	if o.set != nil {
		o.set(request.Delivery)
	}
}

// ConsoleLog prints text to the console of pages. The text is not a format string.
func (c *Client) ConsoleLog(ctx context.Context, target Target, level ConsoleLevel, text string, options ...ConsoleOption) (*Report, error) {
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
	defer cancel()
	request := &pb.SendConsoleLogRequest{
		Target: target.proto(), Level: level.proto(), Text: text, Delivery: &pb.DeliveryOptions{},
	}
	for _, option := range options {
		option.addTo(request)
	}
	response, err := c.rpc.SendConsoleLog(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

// Reload reloads pages. It reports delivery, not the completed reload.
func (c *Client) Reload(ctx context.Context, target Target, options ...SendOption) (*Report, error) {
	return c.command(ctx, &pb.SendCommandRequest{
		Target: target.proto(), Command: &pb.SendCommandRequest_Reload{Reload: &pb.Reload{}}, Delivery: deliveryOf(options),
	})
}

// Navigate navigates pages to a URL, resolved against each page's own. It reports delivery.
func (c *Client) Navigate(ctx context.Context, target Target, url string, options ...SendOption) (*Report, error) {
	return c.command(ctx, &pb.SendCommandRequest{
		Target: target.proto(), Command: &pb.SendCommandRequest_Navigate{Navigate: &pb.Navigate{Url: url}}, Delivery: deliveryOf(options),
	})
}

// SwapStylesheets makes pages fetch stylesheets again and swap them in without a reload. The paths are URL
// paths, each beginning with /; without any, all stylesheets of the pages' own origin are swapped.
func (c *Client) SwapStylesheets(ctx context.Context, target Target, paths []string, options ...SendOption) (*Report, error) {
	swap := &pb.SwapStylesheets{Paths: paths}
	return c.command(ctx, &pb.SendCommandRequest{
		Target: target.proto(), Command: &pb.SendCommandRequest_SwapStylesheets{SwapStylesheets: swap}, Delivery: deliveryOf(options),
	})
}

// CloseSockets closes sockets with a WebSocket close code: 1000, 4000 to 4499 (the page reconnects) or 4500 to
// 4999 (it does not). 0 = 1000. The reason has at most 123 bytes.
func (c *Client) CloseSockets(ctx context.Context, target Target, code int, reason string) (*Report, error) {
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.CloseSockets(ctx, &pb.CloseSocketsRequest{
		Target: target.proto(), CloseCode: size(code), CloseReason: reason,
	})
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

func (c *Client) command(ctx context.Context, request *pb.SendCommandRequest) (*Report, error) {
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.SendCommand(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

// send uses the send stream, except for sends that confirm receipt, which a stream does not support.
func (c *Client) send(ctx context.Context, request *pb.SendRequest) (*Report, error) {
	if !isUTF8(request) {
		return nil, &Error{Code: codes.InvalidArgument, Reason: "FIELD_INVALID", Message: "the text of a send is not valid UTF-8 (send it as binary)"}
	}
	if request.GetDelivery().GetAckLevel() != pb.AckLevel_ACK_LEVEL_RECEIVED {
		return c.sends.send(ctx, request)
	}
	ctx, cancel := withDefaultDeadline(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.Send(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

// isUTF8 reports whether all text of a send is valid UTF-8. Invalid text would make gRPC end the stream, with all
// other sends on it.
func isUTF8(request *pb.SendRequest) bool {
	target := request.GetTarget()
	filter := target.GetFilter()
	for _, texts := range [][]string{
		{request.GetJson(), request.GetText(), request.GetError(), target.GetReplyTo(), filter.GetUrlRegex(), filter.GetUserAgentRegex()},
		target.GetIds().GetSocketIds(), target.GetTabs().GetTabIds(), target.GetPages().GetPageIds(), target.GetExcludeSocketIds(),
	} {
		if slices.ContainsFunc(texts, func(text string) bool { return !utf8.ValidString(text) }) {
			return false
		}
	}
	return true
}

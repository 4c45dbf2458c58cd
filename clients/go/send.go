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
	// defaultImportTimeout is how long pages may take for an awaited import. 10 s.
	defaultImportTimeout = 10 * time.Second
	// importMargin is added to it for the call itself. 5 s.
	importMargin = 5 * time.Second
)

// A SendOption says how a send is confirmed and reported.
type SendOption struct{ set func(*pb.DeliveryOptions) }

// ConfirmReceipt counts a socket as reached only when its browser confirmed the frame, not when it is in
// the socket's queue. Such a send waits for the slowest page, until its deadline.
func ConfirmReceipt() SendOption {
	return SendOption{func(delivery *pb.DeliveryOptions) { delivery.AckLevel = pb.AckLevel_ACK_LEVEL_RECEIVED }}
}

// ListReached has the report name the sockets that were reached, not only their number.
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
// type. 16 MiB at most by default.
func (c *Client) Send(ctx context.Context, target Target, value any, options ...SendOption) (*Report, error) {
	text, err := encode(value)
	if err != nil {
		return nil, err
	}
	return c.SendJSON(ctx, target, text, options...)
}

// SendJSON sends text that is JSON already, as it is: numbers, key order, spacing and duplicate keys
// survive. The daemon refuses what does not parse.
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

// Reply answers a page's request with a value, as package json encodes it; a [json.RawMessage] reaches the
// page as it is. The first answer wins: a later one is an [Error] with ALREADY_ANSWERED, REQUEST_EXPIRED
// (20 s) or REQUEST_NOT_FOUND.
func (c *Client) Reply(ctx context.Context, request *Message, value any) (*Report, error) {
	text, err := encode(value)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, &pb.SendRequest{
		Target: toReply(request.RequestID).proto(), Payload: &pb.SendRequest_Json{Json: text},
	})
}

// ReplyError tells a page that its request failed, and why. Otherwise as [Client.Reply].
func (c *Client) ReplyError(ctx context.Context, request *Message, problem string) (*Report, error) {
	return c.send(ctx, &pb.SendRequest{
		Target: toReply(request.RequestID).proto(), Payload: &pb.SendRequest_Error{Error: valid(problem)},
	})
}

// SendImport has pages import a module and call its default export, and returns as soon as they are told.
func (c *Client) SendImport(ctx context.Context, target Target, module Import) (*Report, error) {
	request, err := module.proto(target, 0)
	if err != nil {
		return nil, err
	}
	ctx, cancel := bounded(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.SendImport(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

// ImportValue has pages import a module and call its default export, and waits for what it returns, or its
// promise resolves to. It takes as long as the slowest page, up to [Import.Timeout].
func (c *Client) ImportValue(ctx context.Context, target Target, module Import) (*ImportReport, error) {
	wait := module.Timeout
	if wait == 0 {
		wait = defaultImportTimeout
	}
	request, err := module.proto(target, wait)
	if err != nil {
		return nil, err
	}
	ctx, cancel := bounded(ctx, wait+importMargin)
	defer cancel()
	response, err := c.rpc.SendImport(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	report, err := reportFrom(response.GetReport())
	if err != nil {
		return nil, err
	}
	made := &ImportReport{Report: *report}
	for _, result := range response.GetResults() {
		made.Rows = append(made.Rows, importRowFrom(result))
	}
	return made, nil
}

// ConsoleLevel is a method of the pages' console.
type ConsoleLevel string

// The methods of the console.
const (
	// ConsoleLog is console.log, as is the empty level.
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

// ConsoleLog prints text to the console of pages, exactly: it is no format string.
func (c *Client) ConsoleLog(ctx context.Context, target Target, level ConsoleLevel, text string, options ...SendOption) (*Report, error) {
	ctx, cancel := bounded(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.SendConsoleLog(ctx, &pb.SendConsoleLogRequest{
		Target: target.proto(), Level: level.proto(), Text: text, Delivery: deliveryOf(options),
	})
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

// Reload reloads pages. It reports delivery, not that they have loaded again.
func (c *Client) Reload(ctx context.Context, target Target, options ...SendOption) (*Report, error) {
	return c.command(ctx, &pb.SendCommandRequest{
		Target: target.proto(), Command: &pb.SendCommandRequest_Reload{Reload: &pb.Reload{}}, Delivery: deliveryOf(options),
	})
}

// Navigate sends pages to another URL, resolved against each page's own. It reports delivery.
func (c *Client) Navigate(ctx context.Context, target Target, url string, options ...SendOption) (*Report, error) {
	return c.command(ctx, &pb.SendCommandRequest{
		Target: target.proto(), Command: &pb.SendCommandRequest_Navigate{Navigate: &pb.Navigate{Url: url}}, Delivery: deliveryOf(options),
	})
}

// SwapStylesheets has pages fetch stylesheets anew and swap them in; they keep their state. The paths are
// URL paths, each beginning with /; none means every stylesheet of the pages' own origin.
func (c *Client) SwapStylesheets(ctx context.Context, target Target, paths []string, options ...SendOption) (*Report, error) {
	swap := &pb.SwapStylesheets{Paths: paths}
	return c.command(ctx, &pb.SendCommandRequest{
		Target: target.proto(), Command: &pb.SendCommandRequest_SwapStylesheets{SwapStylesheets: swap}, Delivery: deliveryOf(options),
	})
}

// CloseSockets closes sockets with a WebSocket close code: 1000, 4000 to 4499 (the page connects again) or
// 4500 to 4999 (it does not). 0 = 1000. The reason has 123 bytes at most.
func (c *Client) CloseSockets(ctx context.Context, target Target, code int, reason string) (*Report, error) {
	ctx, cancel := bounded(ctx, defaultDeadline)
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
	ctx, cancel := bounded(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.SendCommand(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

// send goes by the stream, unless the browser's confirmation is asked for: a stream gives none.
func (c *Client) send(ctx context.Context, request *pb.SendRequest) (*Report, error) {
	if !isUTF8(request) {
		return nil, &Error{Code: codes.InvalidArgument, Reason: "FIELD_INVALID", Message: "a text of the send is not UTF-8 (send it as binary)"}
	}
	if request.GetDelivery().GetAckLevel() != pb.AckLevel_ACK_LEVEL_RECEIVED {
		return c.sends.send(ctx, request)
	}
	ctx, cancel := bounded(ctx, defaultDeadline)
	defer cancel()
	response, err := c.rpc.Send(ctx, request)
	if err != nil {
		return nil, fromRPC(ctx, err)
	}
	return reportFrom(response.GetReport())
}

// isUTF8 tells whether all text of a send is. gRPC would end the stream, and everybody's sends with it.
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

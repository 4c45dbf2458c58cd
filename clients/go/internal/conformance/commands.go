package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	pagewire "pagewire.dev/client"
)

// A command is one line of input, with the fields of all commands.
type command struct {
	ID         json.RawMessage `json:"id"`
	Do         string          `json:"do"`
	Wait       bool            `json:"wait"`
	DeadlineMS int             `json:"deadline_ms"`

	Endpoint  string `json:"endpoint"`
	Token     string `json:"token"`
	TokenFile string `json:"token_file"`

	Target      target            `json:"target"`
	JSON        json.RawMessage   `json:"json"`
	Raw         *string           `json:"raw"`
	Text        *string           `json:"text"`
	Base64      *string           `json:"base64"`
	Confirm     bool              `json:"confirm"`
	ListReached bool              `json:"list_reached"`
	Count       int               `json:"count"`
	Path        string            `json:"path"`
	Code        json.RawMessage   `json:"code"`
	Args        []json.RawMessage `json:"args"`
	TimeoutMS   int               `json:"timeout_ms"`
	Fresh       bool              `json:"fresh"`
	Level       string            `json:"level"`
	URL         string            `json:"url"`
	Paths       []string          `json:"paths"`
	Reason      string            `json:"reason"`

	All          bool     `json:"all"`
	Prefixes     []string `json:"prefixes"`
	Files        []string `json:"files"`
	RefreshPages bool     `json:"refresh_pages"`

	Name     string   `json:"name"`
	Kinds    []string `json:"kinds"`
	Types    []string `json:"types"`
	Resume   bool     `json:"resume"`
	Strict   bool     `json:"strict"`
	MaxQueue int      `json:"max_queue"`

	Plugin  string   `json:"plugin"`
	Hook    string   `json:"hook"`
	Filters []filter `json:"filters"`

	pluginFields
}

type target struct {
	All       bool      `json:"all"`
	Sockets   *[]string `json:"sockets"`
	Tabs      *[]string `json:"tabs"`
	Pages     *[]string `json:"pages"`
	URL       *string   `json:"url"`
	Excluding []string  `json:"excluding"`
}

func (t target) build() (built pagewire.Target) {
	switch {
	case t.All:
		built = pagewire.ToAll()
	case t.Sockets != nil:
		built = pagewire.ToSockets(*t.Sockets...)
	case t.Tabs != nil:
		built = pagewire.ToTabs(*t.Tabs...)
	case t.Pages != nil:
		built = pagewire.ToPages(*t.Pages...)
	case t.URL != nil:
		built = pagewire.ToURL(*t.URL)
	}
	return built.Excluding(t.Excluding...)
}

// run executes a command and returns its result.
func (r *runner) run(ctx context.Context, c *command) (any, error) {
	switch c.Do {
	case "connect":
		return r.connect(ctx, c)
	case "plugin":
		return r.plugin(c)
	case "stop":
		return nil, r.stop(c.Plugin)
	case "release":
		r.release(c.Name)
		return nil, nil
	case "set_filters":
		return nil, r.setFilters(ctx, c)
	case "unsubscribe":
		return nil, r.unsubscribe(c.Name)
	}
	client, err := r.currentClient(ctx)
	if err != nil {
		return nil, err
	}
	switch c.Do {
	case "info":
		info, err := client.Info(ctx)
		if err != nil {
			return nil, err
		}
		return map[string]any{"server_version": info.ServerVersion, "features": info.Features}, nil
	case "sockets":
		sockets, err := client.Sockets(ctx, nil)
		list := []any{}
		for _, socket := range sockets {
			list = append(list, map[string]any{"socket_id": socket.SocketID, "url": socket.URL, "ready": socket.Ready})
		}
		return list, err
	case "plugins":
		plugins, err := client.Plugins(ctx)
		list := []any{}
		for _, plugin := range plugins {
			list = append(list, map[string]any{"plugin_name": plugin.PluginName})
		}
		return list, err
	case "send":
		return reportOf(c.send(ctx, client))
	case "send_many":
		return c.sendMany(ctx, client)
	case "import_value":
		return c.importValue(ctx, client)
	case "send_import":
		return reportOf(client.SendImport(ctx, c.Target.build(), c.module()))
	case "console_log":
		return reportOf(client.ConsoleLog(ctx, c.Target.build(), pagewire.ConsoleLevel(c.Level), *c.Text))
	case "reload":
		return reportOf(client.Reload(ctx, c.Target.build()))
	case "navigate":
		return reportOf(client.Navigate(ctx, c.Target.build(), c.URL))
	case "swap_stylesheets":
		return reportOf(client.SwapStylesheets(ctx, c.Target.build(), c.Paths))
	case "close_sockets":
		var code int
		if err := json.Unmarshal(c.Code, &code); err != nil {
			return nil, err
		}
		return reportOf(client.CloseSockets(ctx, c.Target.build(), code, c.Reason))
	case "invalidate":
		return client.Invalidate(ctx, pagewire.Stale{
			All: c.All, Paths: c.Paths, Prefixes: c.Prefixes, Files: c.Files, RefreshPages: c.RefreshPages,
		})
	case "subscribe":
		return r.subscribe(c, client)
	}
	return nil, fmt.Errorf("unknown command `%s`", c.Do)
}

func (r *runner) connect(ctx context.Context, c *command) (any, error) {
	endpoint, err := pagewire.FindEndpoint()
	if c.Endpoint != "" {
		endpoint, err = pagewire.ParseEndpoint(c.Endpoint)
	}
	if err != nil {
		return nil, err
	}
	if c.Token != "" {
		endpoint = endpoint.WithToken(c.Token)
	}
	if c.TokenFile != "" {
		if endpoint, err = endpoint.WithTokenFile(c.TokenFile); err != nil {
			return nil, err
		}
	}
	client, err := pagewire.Connect(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	info, err := client.Info(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.client = client
	if c.Endpoint != "" {
		r.endpoint = endpoint
	}
	return map[string]any{"server_version": info.ServerVersion}, nil
}

// currentClient returns the client of the last `connect`, or a new one for the discovered daemon.
func (r *runner) currentClient(ctx context.Context) (*pagewire.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client == nil {
		client, err := pagewire.Find(ctx)
		if err != nil {
			return nil, err
		}
		r.client = client
	}
	return r.client, nil
}

func (c *command) send(ctx context.Context, client *pagewire.Client) (*pagewire.Report, error) {
	var options []pagewire.SendOption
	if c.Confirm {
		options = append(options, pagewire.ConfirmReceipt())
	}
	if c.ListReached {
		options = append(options, pagewire.ListReached())
	}
	switch {
	case c.Raw != nil:
		return client.SendJSON(ctx, c.Target.build(), *c.Raw, options...)
	case c.Text != nil:
		return client.SendText(ctx, c.Target.build(), *c.Text, options...)
	case c.Base64 != nil:
		data, err := base64.StdEncoding.DecodeString(*c.Base64)
		if err != nil {
			return nil, err
		}
		return client.SendBinary(ctx, c.Target.build(), data, options...)
	}
	var value any
	if err := json.Unmarshal(c.JSON, &value); err != nil {
		return nil, err
	}
	return client.Send(ctx, c.Target.build(), value, options...)
}

// sendMany sends sequentially, because concurrent calls of goroutines have no order.
func (c *command) sendMany(ctx context.Context, client *pagewire.Client) (any, error) {
	sum := &pagewire.Report{}
	for n := range c.Count {
		report, err := client.Send(ctx, c.Target.build(), map[string]any{"type": "n", "n": n})
		if err != nil {
			return nil, err
		}
		sum.Reached += report.Reached
		sum.Unreached = append(sum.Unreached, report.Unreached...)
	}
	return reportOf(sum, nil)
}

func reportOf(report *pagewire.Report, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, row := range report.Unreached {
		rows = append(rows, map[string]any{"socket_id": row.SocketID, "status": row.Status})
	}
	result := map[string]any{"reached": report.Reached, "unreached": rows}
	if len(report.ReachedSocketIDs) > 0 {
		result["reached_socket_ids"] = report.ReachedSocketIDs
	}
	return result, nil
}

func (c *command) module() pagewire.Import {
	module := pagewire.Import{Path: c.Path, Fresh: c.Fresh, Timeout: milliseconds(c.TimeoutMS)}
	_ = json.Unmarshal(c.Code, &module.Code)
	for _, arg := range c.Args {
		module.Args = append(module.Args, arg)
	}
	return module
}

func (c *command) importValue(ctx context.Context, client *pagewire.Client) (any, error) {
	report, err := client.ImportValue(ctx, c.Target.build(), c.module())
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, row := range report.Rows {
		result := map[string]any{"socket_id": row.SocketID}
		if row.Err != nil {
			result["error"] = map[string]any{"kind": row.Err.Kind, "message": row.Err.Error()}
		} else {
			var value json.RawMessage
			if err := row.JSON(&value); err != nil {
				return nil, err
			}
			result["value"] = value
		}
		rows = append(rows, result)
	}
	return map[string]any{"rows": rows}, nil
}

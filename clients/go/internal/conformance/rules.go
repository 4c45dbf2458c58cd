package main

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	pagewire "pagewire.dev/client"
)

type filter struct {
	Path      *string   `json:"path"`
	Paths     *[]string `json:"paths"`
	Prefix    *string   `json:"prefix"`
	Regex     *string   `json:"regex"`
	File      *string   `json:"file"`
	MIME      *string   `json:"mime"`
	All       bool      `json:"all"`
	Except    string    `json:"except"`
	Methods   []string  `json:"methods"`
	MIMETypes []string  `json:"mime_types"`
}

func (f filter) build() (built pagewire.Filter) {
	switch {
	case f.Path != nil:
		built = pagewire.MatchPath(*f.Path)
	case f.Paths != nil:
		built = pagewire.MatchPaths(*f.Paths...)
	case f.Prefix != nil:
		built = pagewire.MatchPrefix(*f.Prefix)
	case f.Regex != nil:
		built = pagewire.MatchRegex(*f.Regex)
	case f.File != nil:
		built = pagewire.MatchFile(*f.File)
	case f.MIME != nil:
		built = pagewire.MatchMIME(*f.MIME)
	case f.All:
		built = pagewire.MatchAll()
	}
	if f.Except != "" {
		built = built.Except(f.Except)
	}
	if f.Methods != nil {
		built = built.Methods(f.Methods...)
	}
	if f.MIMETypes != nil {
		built = built.MIMETypes(f.MIMETypes...)
	}
	return built
}

// matches reports whether a rule with this filter applies to the path.
func (f filter) matches(path string) bool {
	switch {
	case f.Path != nil:
		return path == *f.Path
	case f.Paths != nil:
		return slices.Contains(*f.Paths, path)
	case f.Prefix != nil:
		return strings.HasPrefix(path, *f.Prefix)
	case f.Regex != nil:
		found, err := regexp.MatchString(*f.Regex, path)
		return err == nil && found
	}
	return true
}

// A rule describes a handler's result for the requests that match a filter.
type rule struct {
	Filter filter `json:"filter"`

	WaitFor string   `json:"wait_for"`
	Skip    bool     `json:"skip"`
	Fail    *failure `json:"fail"`
	Throw   *string  `json:"throw"`
	Hang    bool     `json:"hang"`

	Body      string            `json:"body"`
	File      string            `json:"file"`
	Echo      bool              `json:"echo"`
	Type      string            `json:"type"`
	Status    int               `json:"status"`
	Headers   map[string]string `json:"headers"`
	Remember  bool              `json:"remember"`
	Verbatim  bool              `json:"verbatim"`
	DependsOn []string          `json:"depends_on"`

	Append        *string           `json:"append"`
	Replace       []string          `json:"replace"`
	SetHeaders    map[string]string `json:"set_headers"`
	RemoveHeaders []string          `json:"remove_headers"`
	NoCache       bool              `json:"no_cache"`

	Map map[string]string `json:"map"`
}

type failure struct {
	Message string `json:"message"`
	Status  int    `json:"status"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Frame   string `json:"frame"`
}

func filtersOf(rules []rule) []pagewire.Filter {
	filters := []pagewire.Filter{}
	for _, rule := range rules {
		filters = append(filters, rule.Filter.build())
	}
	return filters
}

// called writes that a hook was called, and returns the matching rule, or nil if there is none.
func (r *runner) called(ctx context.Context, plugin, hook, path string, rules []rule) (*rule, error) {
	emit(map[string]any{"event": "call", "plugin": plugin, "hook": hook, "path": path})
	at := slices.IndexFunc(rules, func(rule rule) bool { return rule.Filter.matches(path) })
	if at < 0 {
		return nil, nil
	}
	rule := &rules[at]
	if r.waitFor(ctx, rule.WaitFor) == nil && rule.Hang {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		emit(map[string]any{"event": "cancelled", "plugin": plugin, "path": path})
		return nil, ctx.Err()
	}
	switch {
	case rule.Throw != nil:
		return nil, errors.New(*rule.Throw)
	case rule.Fail != nil:
		fail := rule.Fail
		failure := pagewire.NewFailure(fail.Message).At(fail.File, fail.Line, fail.Column)
		failure.Status, failure.Frame = fail.Status, fail.Frame
		return nil, failure
	}
	return rule, nil
}

func (r *runner) addHooks(plugin *pagewire.Plugin, c *command) {
	if c.Serve != nil {
		options := c.Options["serve"]
		plugin.Serve = &pagewire.ServeHook{
			Filters: filtersOf(c.Serve), Options: options.build(), MaxRequestBodyBytes: options.MaxBodyBytes,
			Phase: map[string]pagewire.ServePhase{"first": pagewire.First, "after_files": pagewire.AfterFiles}[options.Phase],
			Handler: func(ctx context.Context, request *pagewire.Request) (*pagewire.Content, error) {
				rule, err := r.called(ctx, c.Name, "serve", request.Path, c.Serve)
				if rule == nil || err != nil {
					return nil, err
				}
				return rule.content(request)
			},
		}
	}
	if c.Transform != nil {
		options := c.Options["transform"]
		plugin.Transform = &pagewire.TransformHook{
			Filters: filtersOf(c.Transform), Options: options.build(), MaxBodyBytes: options.MaxBodyBytes,
			Handler: func(ctx context.Context, response *pagewire.Response) (*pagewire.Change, error) {
				rule, err := r.called(ctx, c.Name, "transform", response.Request.Path, c.Transform)
				if rule == nil || err != nil {
					return nil, err
				}
				return rule.change(response)
			},
		}
	}
	if c.ResolveImport != nil {
		plugin.ResolveImport = &pagewire.ResolveImportHook{
			Filters: filtersOf(c.ResolveImport), Options: c.Options["resolve_import"].build(),
			Handler: func(ctx context.Context, imports *pagewire.Imports) (*pagewire.Resolved, error) {
				rule, err := r.called(ctx, c.Name, "resolve_import", imports.Importer.Path, c.ResolveImport)
				if rule == nil || err != nil {
					return nil, err
				}
				resolved := imports.Resolve(func(i pagewire.ImportSpecifier) string { return rule.Map[i.Specifier] })
				resolved.NoCache, resolved.DependsOn = rule.NoCache, rule.DependsOn
				return resolved, nil
			},
		}
	}
}

func (r *rule) content(request *pagewire.Request) (*pagewire.Content, error) {
	if r.Skip {
		skip := pagewire.Skip()
		skip.Remember = r.Remember
		return skip, nil
	}
	content := &pagewire.Content{Body: []byte(r.Body), File: r.File}
	if r.Echo {
		headers := map[string]string{}
		for name := range request.Header {
			headers[strings.ToLower(name)] = request.Header.Get(name)
		}
		body, err := request.ReadBody()
		if err != nil {
			return nil, err
		}
		content, err = pagewire.JSON(map[string]any{
			"method": request.Method, "path": request.Path, "query": request.Query, "headers": headers, "body": string(body),
		})
		if err != nil {
			return nil, err
		}
	}
	if r.Type != "" {
		content.ContentType = r.Type
	}
	content.Status, content.Header, content.DependsOn = r.Status, headerOf(r.Headers), r.DependsOn
	content.Remember, content.Verbatim = r.Remember, r.Verbatim
	return content, nil
}

func (r *rule) change(response *pagewire.Response) (*pagewire.Change, error) {
	if r.Skip {
		return nil, nil
	}
	change := &pagewire.Change{}
	if r.Append != nil || r.Replace != nil {
		text, err := response.Text()
		if err != nil {
			return nil, err
		}
		if r.Replace != nil {
			text = strings.ReplaceAll(text, r.Replace[0], r.Replace[1])
		}
		if r.Append != nil {
			text += *r.Append
		}
		change = pagewire.ChangeText(text)
	}
	change.ContentType, change.Header, change.RemoveHeaders = r.Type, headerOf(r.SetHeaders), r.RemoveHeaders
	change.NoCache, change.DependsOn = r.NoCache, r.DependsOn
	return change, nil
}

func headerOf(pairs map[string]string) http.Header {
	header := http.Header{}
	for name, value := range pairs {
		header.Set(name, value)
	}
	return header
}

package pagewire

import (
	"path/filepath"
	"strings"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// A Filter selects the requests for which a hook is called. It is evaluated in the daemon: requests without a
// matching filter never reach the plugin. Paths are URL paths, percent-decoded, beginning with /; regular
// expressions use RE2 syntax and are unanchored. The daemon refuses invalid ones and the zero Filter
// (FIELD_INVALID).
//
// Its methods return a narrower filter: all conditions must hold. When a hook has several filters, any may match.
// Requests other than GET and HEAD match only with Methods.
type Filter struct{ request *pb.RequestFilter }

// MatchPath matches this path.
func MatchPath(path string) Filter { return MatchPaths(path) }

// MatchPaths matches any of these paths.
func MatchPaths(paths ...string) Filter { return Filter{&pb.RequestFilter{ExactPaths: paths}} }

// MatchPrefix matches paths with this prefix, such as /virtual/.
func MatchPrefix(prefix string) Filter {
	return Filter{&pb.RequestFilter{PathPrefixes: []string{prefix}}}
}

// MatchRegex matches paths in which this regular expression is found, such as \.vue$.
func MatchRegex(regex string) Filter {
	return Filter{&pb.RequestFilter{PathRegexes: []string{regex}}}
}

// MatchFile matches requests that the file system would answer with this file, whatever their URL. A relative path is
// resolved against the current folder of the program, which need not be the folder that the daemon serves.
func MatchFile(path string) Filter {
	return Filter{&pb.RequestFilter{FilePaths: []string{absolutePath(path)}}}
}

// absolutePath resolves a relative path against the current folder. An empty one stays, so that the daemon refuses it.
func absolutePath(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

// MatchMIME matches responses with this MIME type, without parameters: text/css, text/*. For transforms only.
func MatchMIME(mimeType string) Filter {
	return Filter{&pb.RequestFilter{MimeTypes: []string{mimeType}}}
}

// MatchAll matches every request. Slow: each request then waits for this plugin.
func MatchAll() Filter { return Filter{&pb.RequestFilter{MatchAll: true}} }

// Except excludes paths in which this regular expression is found. May be repeated.
func (f Filter) Except(regex string) Filter {
	return f.with(func(request *pb.RequestFilter) {
		before := request.GetExcludePathRegexes()
		request.ExcludePathRegexes = append(before[:len(before):len(before)], regex)
	})
}

// Methods sets the HTTP methods, in any case, instead of GET and HEAD.
func (f Filter) Methods(methods ...string) Filter {
	return f.with(func(request *pb.RequestFilter) {
		request.Methods = make([]string, 0, len(methods))
		for _, method := range methods {
			request.Methods = append(request.Methods, strings.ToUpper(method))
		}
	})
}

// MIMETypes narrows to responses with any of these MIME types. For transforms only.
func (f Filter) MIMETypes(mimeTypes ...string) Filter {
	return f.with(func(request *pb.RequestFilter) { request.MimeTypes = mimeTypes })
}

// with returns a changed copy of the filter.
func (f Filter) with(change func(*pb.RequestFilter)) Filter {
	before := f.proto()
	changed := &pb.RequestFilter{
		MatchAll:           before.GetMatchAll(),
		ExactPaths:         before.GetExactPaths(),
		PathPrefixes:       before.GetPathPrefixes(),
		PathRegexes:        before.GetPathRegexes(),
		ExcludePathRegexes: before.GetExcludePathRegexes(),
		Methods:            before.GetMethods(),
		MimeTypes:          before.GetMimeTypes(),
		FilePaths:          before.GetFilePaths(),
	}
	change(changed)
	return Filter{changed}
}

func (f Filter) proto() *pb.RequestFilter {
	if f.request == nil {
		return &pb.RequestFilter{}
	}
	return f.request
}

func filtersProto(filters []Filter) []*pb.RequestFilter {
	list := make([]*pb.RequestFilter, 0, len(filters))
	for _, filter := range filters {
		list = append(list, filter.proto())
	}
	return list
}

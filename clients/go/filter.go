package pagewire

import pb "pagewire.dev/client/internal/pagewirev1"

// A Filter says which requests a hook is asked about. It is evaluated in the daemon: what no filter matches
// never leaves it. Paths are URL paths, percent-decoded, beginning with /; regular expressions are RE2
// syntax, unanchored. The daemon refuses what does not compile (FIELD_INVALID), and the zero Filter.
//
// Its methods narrow it: all conditions must hold. Several filters of a hook widen: any may match.
// Requests other than GET and HEAD match only if Methods says so.
type Filter struct{ request *pb.RequestFilter }

// MatchPath is this path.
func MatchPath(path string) Filter { return MatchPaths(path) }

// MatchPaths are these paths.
func MatchPaths(paths ...string) Filter { return Filter{&pb.RequestFilter{ExactPaths: paths}} }

// MatchPrefix are paths that begin with this, /virtual/ say.
func MatchPrefix(prefix string) Filter {
	return Filter{&pb.RequestFilter{PathPrefixes: []string{prefix}}}
}

// MatchRegex are paths that this regular expression is found in, \.vue$ say.
func MatchRegex(regex string) Filter {
	return Filter{&pb.RequestFilter{PathRegexes: []string{regex}}}
}

// MatchFile are requests that the file system would answer with this file, whatever their URL. An
// absolute path.
func MatchFile(path string) Filter { return Filter{&pb.RequestFilter{FilePaths: []string{path}}} }

// MatchMIME are responses of this MIME type, without parameters: text/css, text/*. For transforms only.
func MatchMIME(mimeType string) Filter {
	return Filter{&pb.RequestFilter{MimeTypes: []string{mimeType}}}
}

// MatchAll is every request. The slow path: each one then waits for this plugin.
func MatchAll() Filter { return Filter{&pb.RequestFilter{MatchAll: true}} }

// Except narrows to paths that this regular expression is not found in. It may be repeated.
func (f Filter) Except(regex string) Filter {
	return f.with(func(request *pb.RequestFilter) {
		before := request.GetExcludePathRegexes()
		request.ExcludePathRegexes = append(before[:len(before):len(before)], regex)
	})
}

// Methods are the HTTP methods, upper-case, in place of GET and HEAD.
func (f Filter) Methods(methods ...string) Filter {
	return f.with(func(request *pb.RequestFilter) { request.Methods = methods })
}

// MIMETypes narrows to responses of any of these MIME types. For transforms only.
func (f Filter) MIMETypes(mimeTypes ...string) Filter {
	return f.with(func(request *pb.RequestFilter) { request.MimeTypes = mimeTypes })
}

// with is the filter with a change: the one before stays as it is.
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

package pagewire

import (
	"context"

	"google.golang.org/grpc"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// Imports are the imports of one module that match the hook's filters and that no earlier plugin has resolved.
type Imports struct {
	// Importer is the request for the module, or for the HTML page that contains it.
	Importer *Request
	// Imports are the imports in source order. Never empty.
	Imports []ImportSpecifier
}

// An ImportSpecifier is one import in a module's source.
type ImportSpecifier struct {
	// Specifier is the specifier without quotes and escapes.
	Specifier string
	// Dynamic is whether it is an import() expression.
	Dynamic bool
	// Line of the specifier, from 1.
	Line int
	// Column of the specifier's first character (after the opening quote), from 1, in UTF-16 code units.
	Column int
}

// Resolve calls the function for each import, in order. An empty result leaves that import to the next plugin.
func (i *Imports) Resolve(resolve func(ImportSpecifier) string) *Resolved {
	resolved := &Resolved{Specifiers: make([]string, 0, len(i.Imports))}
	for _, specifier := range i.Imports {
		resolved.Specifiers = append(resolved.Specifiers, resolve(specifier))
	}
	return resolved
}

// Resolved are the new specifiers of a module's imports.
type Resolved struct {
	// Specifiers has one entry for each of [Imports.Imports], in order; an empty one leaves that import to
	// the next plugin. Any other number of entries is a failure of the plugin.
	Specifiers []string
	// NoCache prevents caching: the plugin is called again for the next request of the module.
	NoCache bool
	// DependsOn are further files, as absolute paths, whose change or creation makes the cached result
	// stale: a package.json, a module that does not exist yet.
	DependsOn []string
}

// A ResolveImportHook maps the specifiers that modules import. It is called once per module, with all its
// imports. It must not be copied.
type ResolveImportHook struct {
	// Filters match the request for the importing module, as for [ServeHook].
	Filters []Filter
	// Handler resolves the imports, usually with [Imports.Resolve]. nil leaves all imports to the next plugin.
	// Otherwise as for [ServeHook].
	Handler func(ctx context.Context, imports *Imports) (*Resolved, error)
	// Specifiers limits the hook to specifiers that match any of these regular expressions (RE2 syntax,
	// unanchored). ^[^./] matches the bare ones. Empty = all.
	Specifiers []string
	// Options are the options that all hooks share.
	Options HookOptions

	live liveFilters
}

// SetFilters replaces all filters: see [ServeHook.SetFilters].
func (h *ResolveImportHook) SetFilters(ctx context.Context, filters ...Filter) error {
	return h.live.set(ctx, filters)
}

func (h *ResolveImportHook) declare() declaredHook {
	return declaredHook{
		kind: pb.Hook_HOOK_RESOLVE_IMPORT, name: "ResolveImport", live: &h.live, filters: h.Filters, handled: h.Handler != nil,
		open: func(ctx context.Context, session *Session) (openHook, error) {
			return startHook(ctx, session, h.stream(session))
		},
	}
}

func (h *ResolveImportHook) stream(session *Session) hookType[pb.ResolveImportRequest, pb.ResolveImportResponse] {
	result := func(id uint64, result *pb.ResolveImportResult) *pb.ResolveImportRequest {
		result.CallId = id
		return &pb.ResolveImportRequest{Message: &pb.ResolveImportRequest_Result{Result: result}}
	}
	return hookType[pb.ResolveImportRequest, pb.ResolveImportResponse]{
		name:  "import resolution",
		field: "ResolveImport",
		live:  &h.live,
		connect: func(ctx context.Context) (grpc.BidiStreamingClient[pb.ResolveImportRequest, pb.ResolveImportResponse], error) {
			return session.Client.rpc.ResolveImport(ctx)
		},
		open: func(filters []*pb.RequestFilter) *pb.ResolveImportRequest {
			return &pb.ResolveImportRequest{Message: &pb.ResolveImportRequest_Open{Open: &pb.ResolveImportOpen{
				Filters: filters, Options: h.Options.proto(), SpecifierRegexes: h.Specifiers,
			}}}
		},
		update: func(filters *pb.UpdateFilters) *pb.ResolveImportRequest {
			return &pb.ResolveImportRequest{Message: &pb.ResolveImportRequest_UpdateFilters{UpdateFilters: filters}}
		},
		call: func(down *pb.ResolveImportResponse) (hookCall[pb.ResolveImportRequest], bool) {
			call := down.GetCall()
			if call == nil {
				return hookCall[pb.ResolveImportRequest]{}, false
			}
			imports := &Imports{Importer: requestFrom(call.GetImporter(), call.GetTimeRemaining(), session)}
			for _, specifier := range call.GetImports() {
				imports.Imports = append(imports.Imports, ImportSpecifier{
					specifier.GetSpecifier(), specifier.GetDynamic(), int(specifier.GetLine()), int(specifier.GetColumn()),
				})
			}
			return hookCall[pb.ResolveImportRequest]{
				id:        call.GetCallId(),
				path:      call.GetImporter().GetPath(),
				remaining: call.GetTimeRemaining(),
				handle: func(ctx context.Context) (*pb.ResolveImportRequest, error) {
					resolved, err := h.Handler(ctx, imports)
					if err != nil {
						return nil, err
					}
					if resolved == nil {
						resolved = imports.Resolve(func(ImportSpecifier) string { return "" })
					}
					return result(call.GetCallId(), &pb.ResolveImportResult{Outcome: &pb.ResolveImportResult_Resolved{
						Resolved: &pb.ResolvedImports{
							Specifiers:     allToValidUTF8(resolved.Specifiers),
							NoCache:        resolved.NoCache,
							DependsOnFiles: allToValidUTF8(resolved.DependsOn),
						},
					}}), nil
				},
				fail: func(failure *pb.HookFailure) *pb.ResolveImportRequest {
					return result(call.GetCallId(), &pb.ResolveImportResult{Outcome: &pb.ResolveImportResult_Failure{Failure: failure}})
				},
			}, true
		},
	}
}

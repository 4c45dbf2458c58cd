package pagewire

import (
	"context"

	"google.golang.org/grpc"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// Imports are those of one module that match and that no plugin before this one resolved.
type Imports struct {
	// Importer is the request for the module, or for the HTML page that it stands in.
	Importer *Request
	// Imports are in source order. There is at least one.
	Imports []ImportSpecifier
}

// An ImportSpecifier is one import in a module's source.
type ImportSpecifier struct {
	// Specifier is what the source means, without quotes and escapes.
	Specifier string
	// Dynamic tells that it is an import() expression.
	Dynamic bool
	// Line of the specifier, from 1.
	Line int
	// Column of the specifier behind its quote, from 1, in UTF-16 code units.
	Column int
}

// Resolve asks about each import, in order. An empty answer leaves that import to the next plugin.
func (i *Imports) Resolve(resolve func(ImportSpecifier) string) *Resolved {
	resolved := &Resolved{Specifiers: make([]string, 0, len(i.Imports))}
	for _, specifier := range i.Imports {
		resolved.Specifiers = append(resolved.Specifiers, resolve(specifier))
	}
	return resolved
}

// Resolved is what a module imports instead.
type Resolved struct {
	// Specifiers has one for each of [Imports.Imports], in order; an empty one leaves that import to the next
	// plugin. Another number is a failure of the plugin.
	Specifiers []string
	// NoCache has the daemon ask again for the next request of the module.
	NoCache bool
	// DependsOn are further files, as absolute paths, whose change or appearance makes the cached result
	// stale: a package.json, a module that is not there yet.
	DependsOn []string
}

// A ResolveImportHook says what modules import: it is called once for each module, with all its imports.
// It must not be copied.
type ResolveImportHook struct {
	// Filters are on the request for the importing module, as for [ServeHook].
	Filters []Filter
	// Handler resolves; [Imports.Resolve] is the shortest way to. nil leaves all imports to the next plugin.
	// Otherwise as for [ServeHook].
	Handler func(ctx context.Context, imports *Imports) (*Resolved, error)
	// Specifiers are regular expressions (RE2 syntax, unanchored): only specifiers that any is found in are
	// asked about. ^[^./] are the bare ones. Empty = all.
	Specifiers []string
	// Options are those of every hook.
	Options HookOptions

	live liveFilters
}

// SetFilters is as [ServeHook.SetFilters].
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

func (h *ResolveImportHook) stream(session *Session) hookKind[pb.ResolveImportRequest, pb.ResolveImportResponse] {
	result := func(id uint64, result *pb.ResolveImportResult) *pb.ResolveImportRequest {
		result.CallId = id
		return &pb.ResolveImportRequest{Message: &pb.ResolveImportRequest_Result{Result: result}}
	}
	return hookKind[pb.ResolveImportRequest, pb.ResolveImportResponse]{
		live: &h.live,
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
							Specifiers:     allValid(resolved.Specifiers),
							NoCache:        resolved.NoCache,
							DependsOnFiles: allValid(resolved.DependsOn),
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

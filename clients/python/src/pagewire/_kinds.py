"""The three hooks: what their handlers get, and what they may return."""

from typing import Any

from pagewire._content import Change, Content, Resolved, Skip
from pagewire._context import Context, Imports, ImportSpecifier, Request, Response
from pagewire._hook import HookKind
from pagewire._proto import hooks_pb2


def _request(call: hooks_pb2.ServeCall, context: Context) -> Request:
    request = Request._from_proto(call, call.request, context)
    request.body = call.body
    request.body_omitted = call.body_omitted
    return request


def _response(call: hooks_pb2.TransformCall, context: Context) -> Response:
    return Response(
        request=Request._from_proto(call, call.request, context),
        content_type=call.content_type,
        headers=tuple((header.name, header.value) for header in call.response_headers),
        body=call.body,
    )


def _imports(call: hooks_pb2.ResolveImportCall, context: Context) -> Imports:
    return Imports(
        importer=Request._from_proto(call, call.importer, context),
        imports=tuple(
            ImportSpecifier(each.specifier, each.dynamic, each.line, each.column)
            for each in call.imports
        ),
    )


def _served(_: Request, made: Any) -> dict[str, Any]:
    match made:
        case None:
            return {"skip": hooks_pb2.Skip()}
        case Skip():
            return {"skip": made._proto}
        case Content():
            return {"content": made._proto}
    raise TypeError(
        f"the serve handler returned a {type(made).__name__} "
        "(return a Content, a Skip, or None to skip)"
    )


def _transformed(_: Response, made: Any) -> dict[str, Any]:
    match made:
        case None:
            return {"skip": hooks_pb2.Skip()}
        case Change():
            return {"content": made._proto}
    raise TypeError(
        f"the transform handler returned a {type(made).__name__} "
        "(return a Change, or None to leave the response as it is)"
    )


def _resolved(imports: Imports, made: Any) -> dict[str, Any]:
    resolved = made
    if made is None:
        resolved = Resolved([None] * len(imports))
    elif not isinstance(made, Resolved):
        resolved = Resolved(made)
    given = len(resolved._proto.specifiers)
    if given != len(imports):
        raise ValueError(
            f"the resolve_import handler returned {given} specifiers for {len(imports)} imports "
            "(return one for each, None for those that are not yours)"
        )
    return {"resolved": resolved._proto}


SERVE = HookKind(
    name="serve",
    declared=hooks_pb2.HOOK_SERVE,
    stream="Serve",
    message=hooks_pb2.ServeRequest,
    result=hooks_pb2.ServeResult,
    input=_request,
    outcome=_served,
)
TRANSFORM = HookKind(
    name="transform",
    declared=hooks_pb2.HOOK_TRANSFORM,
    stream="Transform",
    message=hooks_pb2.TransformRequest,
    result=hooks_pb2.TransformResult,
    input=_response,
    outcome=_transformed,
)
RESOLVE_IMPORT = HookKind(
    name="resolve_import",
    declared=hooks_pb2.HOOK_RESOLVE_IMPORT,
    stream="ResolveImport",
    message=hooks_pb2.ResolveImportRequest,
    result=hooks_pb2.ResolveImportResult,
    input=_imports,
    outcome=_resolved,
)

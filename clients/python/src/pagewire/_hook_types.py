"""The three types of hooks, with the conversions from calls and to results."""

from typing import Any

from pagewire import _values
from pagewire._content import Change, Content, Resolved, Skip
from pagewire._context import Context, Imports, ImportSpecifier, Request, Response
from pagewire._hook import HookType
from pagewire._proto import hooks_pb2
from pagewire.errors import BodyTooLargeError


def _request(call: hooks_pb2.ServeCall, context: Context, options: hooks_pb2.ServeOpen) -> Request:
    request = Request._from_proto(call, call.request, context)
    request._body = call.body
    if call.body_omitted:
        limits = context.server_info.limits
        limit = min(options.max_request_body_bytes, limits.max_body_bytes)
        request._omitted = BodyTooLargeError(call.omitted_body_bytes or None, limit)
    return request


def _response(call: hooks_pb2.TransformCall, context: Context, _: object) -> Response:
    return Response(
        request=Request._from_proto(call, call.request, context),
        content_type=call.content_type,
        headers=tuple((header.name, header.value) for header in call.response_headers),
        body=call.body,
    )


def _imports(call: hooks_pb2.ResolveImportCall, context: Context, _: object) -> Imports:
    return Imports(
        importer=Request._from_proto(call, call.importer, context),
        imports=tuple(
            ImportSpecifier(each.specifier, each.dynamic, each.line, each.column)
            for each in call.imports
        ),
    )


def _serve_outcome(_: Request, returned: Any, handler: str) -> dict[str, Any]:
    match returned:
        case None:
            return {"skip": hooks_pb2.Skip()}
        case Skip():
            return {"skip": returned._proto}
        case Content():
            return {"content": returned._proto}
    raise TypeError(
        f"the serve handler {handler} returned {_values.described(returned)} "
        "(return a Content, a Skip, or None to skip)"
    )


def _transform_outcome(_: Response, returned: Any, handler: str) -> dict[str, Any]:
    match returned:
        case None:
            return {"skip": hooks_pb2.Skip()}
        case Change():
            return {"content": returned._proto}
    raise TypeError(
        f"the transform handler {handler} returned {_values.described(returned)} "
        "(return a Change, or None to leave the response unchanged)"
    )


def _resolve_import_outcome(imports: Imports, returned: Any, handler: str) -> dict[str, Any]:
    resolved = returned
    if returned is None:
        resolved = Resolved([None] * len(imports))
    elif not isinstance(returned, Resolved):
        try:
            resolved = Resolved(returned)
        except TypeError:
            raise TypeError(
                f"the resolve_import handler {handler} returned {_values.described(returned)} "
                "(return a list with a string or None for each import, a Resolved, or None)"
            ) from None
    count = len(resolved._proto.specifiers)
    if count != len(imports):
        raise ValueError(
            f"the resolve_import handler {handler} returned {count} specifiers for {len(imports)} "
            "imports (return one for each, with None for those left to the next plugin)"
        )
    return {"resolved": resolved._proto}


SERVE = HookType(
    name="serve",
    parameter="request",
    activity="serve",
    declared=hooks_pb2.HOOK_SERVE,
    stream="Serve",
    message=hooks_pb2.ServeRequest,
    result=hooks_pb2.ServeResult,
    input=_request,
    outcome=_serve_outcome,
)
TRANSFORM = HookType(
    name="transform",
    parameter="response",
    activity="transform",
    declared=hooks_pb2.HOOK_TRANSFORM,
    stream="Transform",
    message=hooks_pb2.TransformRequest,
    result=hooks_pb2.TransformResult,
    input=_response,
    outcome=_transform_outcome,
)
RESOLVE_IMPORT = HookType(
    name="resolve_import",
    parameter="imports",
    activity="import resolution",
    declared=hooks_pb2.HOOK_RESOLVE_IMPORT,
    stream="ResolveImport",
    message=hooks_pb2.ResolveImportRequest,
    result=hooks_pb2.ResolveImportResult,
    input=_imports,
    outcome=_resolve_import_outcome,
)

import math
import re
from pathlib import Path

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

import pagewire
from pagewire import (
    Change,
    Content,
    FailedResource,
    Failure,
    Filter,
    Import,
    JsException,
    JsKind,
    JsPhase,
    JsValue,
    Message,
    PageError,
    Plugin,
    Resolved,
    SocketFilter,
    SourceLocation,
    Stale,
    Target,
    Visibility,
    _values,
    errors,
)
from pagewire._proto import common_pb2, hooks_pb2, messages_pb2

README = Path(__file__).parents[1] / "README.md"


def test_refuses_a_bare_string_as_a_list() -> None:
    for make in (
        lambda: Target.sockets("abc"),
        lambda: Target.tabs("abc"),
        lambda: Target.pages("abc"),
        lambda: Target.all().excluding("abc"),
        lambda: Filter.paths("/a"),
        lambda: Filter.all().methods("GET"),
        lambda: Filter.all().mime_types("text/css"),
        lambda: Content.js("", depends_on="/a"),
        lambda: Failure("", depends_on="/a"),
        lambda: Change(remove_headers="x-a"),
        lambda: Resolved("/a.js"),
        lambda: Plugin("p", required_features="a"),
        lambda: Plugin("p").serve(Filter.all(), forward_request_headers="x-a"),
    ):
        with pytest.raises(TypeError, match="list"):
            make()
    with pytest.raises(TypeError, match="must be a list of paths"):
        Content.js("", depends_on=Path("/a"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a string"):
        Target.socket(["abc"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="None is a NoneType"):
        Target.sockets([None])  # type: ignore[list-item]


def test_an_empty_list_stays_empty() -> None:
    assert Target.sockets([])._to_proto().WhichOneof("selector") == "ids"
    target = Target.all().excluding(["a"]).excluding(iter(["b"]))._to_proto()
    assert (target.WhichOneof("selector"), list(target.exclude_socket_ids)) == ("all", ["a", "b"])


def test_filters_contain_all_conditions() -> None:
    narrowed = Filter.prefix("/a/").except_("x").except_("y").methods(["POST"])._to_proto()
    assert narrowed == hooks_pb2.RequestFilter(
        path_prefixes=["/a/"], exclude_path_regexes=["x", "y"], methods=["POST"]
    )
    assert Filter.all()._to_proto() == hooks_pb2.RequestFilter(match_all=True)
    hidden = SocketFilter(visibility=Visibility.HIDDEN)._to_proto()
    assert hidden == common_pb2.SocketFilter(visibility=common_pb2.VISIBILITY_HIDDEN)


def test_combines_stale_selections() -> None:
    both = Stale.path("/a") | Stale.prefix("/c/").refresh_pages() | Stale.file(Path("/srv/d"))
    assert both._to_proto() == hooks_pb2.InvalidateRequest(
        exact_paths=["/a"], path_prefixes=["/c/"], file_paths=["/srv/d"], refresh_pages=True
    )


def test_an_empty_body_differs_from_an_unchanged_one() -> None:
    assert not Change()._proto.HasField("body")
    assert Change("")._proto.HasField("body")
    assert list(Resolved([None, "/lit.js"])._proto.specifiers) == ["", "/lit.js"]


def test_empty_content_has_an_inline_body() -> None:
    assert Content("")._proto.WhichOneof("body") == "inline_body"
    assert Content.file("/a")._proto.WhichOneof("body") == "file_path"
    assert not Failure("x")._proto.HasField("location")


def test_refuses_values_without_a_json_encoding() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Import.code("", math.nan)
    with pytest.raises(TypeError, match="set"):
        Content.json({1})
    assert _values.to_json({"a": [1, "é"]}) == '{"a":[1,"é"]}'


def test_durations_keep_fraction_and_sign() -> None:
    for seconds in (0, 0.25, 1.5, 3600, -1.5):
        assert _values.seconds(_values.duration(seconds)) == seconds
    assert _values.duration(math.inf).seconds == 315_576_000_000


def test_distinguishes_kinds_of_values() -> None:
    assert JsValue(JsKind.JSON, "[1]").json() == [1]
    assert JsValue(JsKind.UNDEFINED, "undefined").json() is None
    with pytest.raises(errors.NotJsonError, match="123n"):
        JsValue(JsKind.UNSERIALIZABLE, "123n").json()
    assert str(JsValue(JsKind.TRUNCATED, "[1")) == "[1..."
    assert str(JsValue(JsKind.JSON, r'"a\"b\n"')) == 'a"b\n'
    assert str(JsValue(JsKind.JSON, '["a"]')) == '["a"]'


def test_the_text_of_an_exception_contains_its_location_once() -> None:
    def thrown(**fields: object) -> JsException:
        usual = dict.fromkeys(("name", "message", "stack", "url", "thrown_json"), "")
        arguments = {"phase": JsPhase.LOAD, "line": 0, "column": 0} | usual | fields
        return JsException(**arguments)  # type: ignore[arg-type]

    error = thrown(name="TypeError", message="no", url="/a.js", line=3, column=4)
    assert str(error) == "could not be loaded: TypeError: no (/a.js:3:4)"
    assert str(thrown(phase=JsPhase.CALL, thrown_json="3", url="/a", stack="at /a")) == "3 (/a)"
    assert str(thrown(message="no /a", url="/a")) == "could not be loaded: no /a"


def test_an_rpc_error_contains_code_reason_and_fields() -> None:
    info = ErrorInfo(reason="FIELD_INVALID", domain="pagewire.v1")
    bad = BadRequest()
    bad.field_violations.add(field="target", description="is unset")
    status = Status(code=3)
    for detail in (info, bad):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)

    def end(details: Status, code: grpc.StatusCode) -> Exception:
        metadata = grpc.aio.Metadata(("grpc-status-details-bin", details.SerializeToString()))
        error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, "bad target")
        return errors.from_status(error)

    error = end(status, grpc.StatusCode.INVALID_ARGUMENT)
    assert isinstance(error, errors.RpcError)
    assert error.reason == "FIELD_INVALID"
    assert str(error) == "bad target; target: is unset (INVALID_ARGUMENT/FIELD_INVALID)"
    elsewhere = any_pb2.Any()
    elsewhere.Pack(ErrorInfo(reason="X", domain="elsewhere"))
    error = end(Status(details=[elsewhere]), grpc.StatusCode.INTERNAL)
    assert isinstance(error, errors.RpcError) and error.reason == ""
    lost = end(Status(), grpc.StatusCode.UNAVAILABLE)
    assert isinstance(lost, errors.DisconnectedError)


def test_the_text_of_an_error_is_never_empty() -> None:
    assert errors.text_of(RuntimeError("broken")) == "broken"
    assert errors.text_of(KeyError("x")) == "KeyError: 'x'"
    assert errors.text_of(ValueError()) == "ValueError"


def test_a_binary_message_is_not_json() -> None:
    message = Message("s", "", None, b"x", None, 0)
    with pytest.raises(errors.NotJsonError, match="binary"):
        message.json()
    with pytest.raises(errors.NotJsonError, match="max_event_bytes"):
        Message("s", "x", None, None, None, 9).json()


def test_a_failure_has_the_same_location_either_way() -> None:
    named = Failure("broken", file="a.vue", line=3, column=7, frame="> }")
    assert Failure("broken").at(Path("a.vue"), 3, 7, "> }")._proto == named._proto
    assert Failure("broken").at("a.vue")._proto == Failure("broken", file="a.vue")._proto


def test_the_old_name_of_a_field_warns_its_user() -> None:
    error = errors.PluginError("p", "is broken")
    with pytest.warns(DeprecationWarning, match="plugin_name") as caught:
        assert error.plugin == error.plugin_name == "p"
    assert caught[0].filename == __file__


def test_the_readme_lists_all_fields() -> None:
    classes = {
        name: {field for field in dir(getattr(pagewire, name)) if not field.startswith("_")}
        for name in (
            *("Request", "Response", "Imports", "Context", "Message", "Socket", "SocketOpened"),
            *("SocketClosed", "ConsoleEntry", "PageError", "FileChanged", "Gap", "Event"),
            *("JsException", "JsValue"),
        )
    }
    rows = re.findall(r"^\| (`[A-Z].*)\|(.*)\|$", README.read_text(), re.MULTILINE)
    for name, fields in classes.items():
        [listed] = [row for names, row in rows if f"`{name}`" in names]
        assert fields - {"resolve"} <= set(re.findall(r"\w+", listed)), name


def test_a_page_error_names_the_plugin_that_failed() -> None:
    error = messages_pb2.PageError(
        socket_id="s",
        kind=messages_pb2.PageError.KIND_RESOURCE,
        exception=common_pb2.JsException(message="script did not load"),
    )
    assert PageError._from_proto(error).failed_resource is None
    failed = error.failed_resource
    failed.plugin_name, failed.hook = "p", hooks_pb2.HOOK_RESOLVE_IMPORT
    failed.url, failed.status, failed.message = "/bad.js?v=1", 502, "no such color"
    converted = PageError._from_proto(error)
    assert (converted.kind, converted.exception.message) == ("resource", "script did not load")
    expected = FailedResource("p", "resolve_import", "/bad.js?v=1", 502, "no such color", None)
    assert converted.failed_resource == expected
    failed.location.file, failed.location.line, failed.location.column = "bad.ts", 3, 7
    failed.location.frame = "> bad"
    located = PageError._from_proto(error).failed_resource
    assert located and located.location == SourceLocation("bad.ts", 3, 7, "> bad")
    assert str(located.location) == "bad.ts:3:7"

package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import dev.pagewire.v1.HookFailure;
import dev.pagewire.v1.InvalidateRequest;
import dev.pagewire.v1.SubscribeMessagesResponse;
import dev.pagewire.v1.Target.SelectorCase;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class ValuesTest {
  @Test
  void anEmptyListOfIdsDoesNotBecomeABroadcast() {
    assertEquals(SelectorCase.IDS, Target.sockets(List.of()).toWire().getSelectorCase());
  }

  @Test
  void aBodyThatIsTooLargeNamesItsSizeIfThatIsKnownAndTheOption() {
    BodyTooLargeException known = new BodyTooLargeException(24, 20);
    assertEquals(
        "the request's body has 24 bytes, but this hook accepts at most 20 bytes"
            + " (maxRequestBodyBytes)",
        known.getMessage());
    assertEquals(OptionalLong.of(24), known.bytes());
    BodyTooLargeException unknown = new BodyTooLargeException(0, 20);
    assertTrue(unknown.getMessage().contains("has more than 20 bytes"), unknown.getMessage());
    assertEquals(OptionalLong.empty(), unknown.bytes());
  }

  @Test
  void exclusionsAccumulate() {
    Target target = Target.all().excluding("a").excluding(List.of("b"));
    assertEquals(List.of("a", "b"), target.toWire().getExcludeSocketIdsList());
    assertEquals(SelectorCase.ALL, target.toWire().getSelectorCase());
  }

  @Test
  void andCombinesBothSelections() {
    Stale both =
        Stale.path("/a")
            .and(Stale.path("/b").refreshPages())
            .and(Stale.prefix("/c/"))
            .and(Stale.file(Path.of("/srv/d")));
    InvalidateRequest expected =
        InvalidateRequest.newBuilder()
            .addExactPaths("/a")
            .addExactPaths("/b")
            .addPathPrefixes("/c/")
            .addFilePaths("/srv/d")
            .setRefreshPages(true)
            .build();
    assertEquals(expected, both.toWire());
    assertTrue(both.and(Stale.all()).toWire().getAll());
  }

  @Test
  void aChangeContainsOnlyWhatWasSet() {
    assertFalse(Change.create().toWire().hasBody(), "body not set");
    assertTrue(Change.body("").toWire().hasBody(), "body set to empty");
  }

  @Test
  @SuppressWarnings("deprecation")
  void aReplacedNameStillWorks() {
    assertEquals(
        Change.create().removeHeaders("a", "b").toWire(),
        Change.create().removeHeader("A").removeHeader("B").toWire());
    Path file = Path.of("/srv/a");
    assertEquals(file, new FileChanged(file, "/a", FileChanged.Kind.CREATED).file());
    ConsoleEntry entry = new ConsoleEntry("s", ConsoleLevel.LOG, List.of(), "");
    assertEquals(new ConsoleEntry("s", ConsoleLevel.LOG, List.of(), "", "", 0, 0), entry);
  }

  @Test
  void anUnresolvedImportKeepsItsPlace() {
    Resolved resolved = Resolved.of(java.util.Arrays.asList(null, "/lib/lit.js"));
    assertEquals(List.of("", "/lib/lit.js"), resolved.toWire().getSpecifiersList());
  }

  @Test
  void aFailureKeepsItsLocation() {
    HookFailure failure = Failure.toWire(new Failure("unexpected `}`").at("/a.vue", 3, 7));
    assertEquals("unexpected `}`", failure.getMessage());
    assertEquals(7, failure.getLocation().getColumn());
  }

  @Test
  void anExceptionBecomesAFailureWithItsCausesAndStackTrace() {
    Exception thrown = new RuntimeException("no luck", new IOException("disk"));
    HookFailure failure = Failure.toWire(thrown);
    assertEquals("no luck: IOException: disk", failure.getMessage());
    assertTrue(failure.getStack().contains("ValuesTest.java"), failure.getStack());
    assertEquals("NullPointerException", Failure.oneLine(new NullPointerException()));
  }

  @Test
  void anRpcExceptionHasCodeReasonAndFields() {
    BadRequest fields =
        BadRequest.newBuilder()
            .addFieldViolations(
                BadRequest.FieldViolation.newBuilder()
                    .setField("target")
                    .setDescription("is unset"))
            .build();
    RpcException refused = (RpcException) refusal("pagewire.v1", "FIELD_INVALID", Any.pack(fields));
    assertEquals(
        "bad target; target: is unset (INVALID_ARGUMENT/FIELD_INVALID)", refused.getMessage());
    assertEquals("FIELD_INVALID", refused.reason());
    assertEquals(
        List.of(new RpcException.FieldViolation("target", "is unset")), refused.violations());
  }

  @Test
  void ignoresAReasonOfAnotherDomain() {
    RpcException refused = (RpcException) refusal("elsewhere", "X", Any.getDefaultInstance());
    assertEquals("", refused.reason());
  }

  private static PagewireException refusal(String domain, String reason, Any detail) {
    ErrorInfo info = ErrorInfo.newBuilder().setDomain(domain).setReason(reason).build();
    StatusRuntimeException refused =
        StatusProto.toStatusRuntimeException(
            com.google.rpc.Status.newBuilder()
                .setCode(Status.Code.INVALID_ARGUMENT.value())
                .setMessage("bad target")
                .addDetails(Any.pack(info))
                .addDetails(detail)
                .build());
    Metadata trailers = refused.getTrailers();
    return RpcErrors.from(refused.getStatus(), trailers);
  }

  @Test
  void permanentRefusalsAreNotRetried() {
    assertTrue(PluginRunner.isTransient(new NoDaemonException(null), true));
    assertTrue(PluginRunner.isTransient(rpc(Status.Code.UNAVAILABLE, "STARTING"), true));
    assertTrue(
        PluginRunner.isTransient(rpc(Status.Code.ALREADY_EXISTS, "PLUGIN_NAME_TAKEN"), true));
    assertFalse(PluginRunner.isTransient(rpc(Status.Code.UNAUTHENTICATED, "TOKEN_INVALID"), true));
    assertFalse(PluginRunner.isTransient(rpc(Status.Code.INVALID_ARGUMENT, "FIELD_INVALID"), true));
    assertFalse(PluginRunner.isTransient(rpc(Status.Code.ABORTED, "REPLACED"), true));
    assertTrue(
        PluginRunner.isTransient(rpc(Status.Code.RESOURCE_EXHAUSTED, "SUBSCRIBER_SLOW"), true));
    assertTrue(PluginRunner.isTransient(rpc(Status.Code.UNAUTHENTICATED, "TOKEN_INVALID"), false));
  }

  private static RpcException rpc(Status.Code code, String reason) {
    return new RpcException(code, reason, "", List.of());
  }

  @Test
  void aPageErrorHasTheFailureOfThePlugin() {
    dev.pagewire.v1.FailedResource.Builder resource =
        dev.pagewire.v1.FailedResource.newBuilder()
            .setPluginName("p")
            .setHook(dev.pagewire.v1.Hook.HOOK_SERVE)
            .setUrl("/bad.js?v=1")
            .setStatus(500)
            .setMessage("no such color");
    resource.getLocationBuilder().setFile("bad.ts").setLine(3).setColumn(7);
    FailedResource expected =
        new FailedResource(
            "p",
            PluginInfo.Hook.SERVE,
            "/bad.js?v=1",
            500,
            "no such color",
            Optional.of(new SourceLocation("bad.ts", 3, 7, "")));
    assertEquals(Optional.of(expected), failedResource(resource));
    assertEquals(
        Optional.empty(), failedResource(resource.clearLocation()).orElseThrow().location());
    assertEquals("bad.ts:3:7", expected.location().map(SourceLocation::toString).orElseThrow());
  }

  private static Optional<FailedResource> failedResource(
      dev.pagewire.v1.FailedResource.Builder resource) {
    SubscribeMessagesResponse.Builder event = SubscribeMessagesResponse.newBuilder();
    event.getPageErrorBuilder().setFailedResource(resource);
    PageError error = (PageError) FromWire.event(event.build()).orElseThrow().what();
    return error.failedResource();
  }

  @Test
  void aPageErrorWithoutAFailedResourceHasNone() {
    SubscribeMessagesResponse.Builder event = SubscribeMessagesResponse.newBuilder();
    event.getPageErrorBuilder().setSocketId("s");
    PageError error = (PageError) FromWire.event(event.build()).orElseThrow().what();
    assertEquals(Optional.empty(), error.failedResource());
  }

  @Test
  void convertsEachKindOfValue() {
    assertEquals(List.of(1L), new JsValue.Plain("[1]").json(List.class));
    assertEquals(null, new JsValue.Undefined().json(Object.class));
    assertEquals("123n", new JsValue.Unserializable("123n").toString());
    assertThrows(JsonException.class, () -> new JsValue.Unserializable("NaN").json(double.class));
  }

  @Test
  void refusesASecondHandlerForTheSameEvent() {
    Plugin plugin = Plugin.named("p").onMessage("a", (message, client) -> {});
    assertThrows(PluginException.class, () -> plugin.onRequest("a", (message, client) -> 1));
    plugin.serve(Filter.path("/"), request -> null);
    assertThrows(PluginException.class, () -> plugin.serve(Filter.all(), request -> null));
  }

  @Test
  void aHookNeedsAFilterAndAHandler() {
    Plugin plugin = Plugin.named("p").transform(TransformOptions.of(), response -> null);
    PluginException problem =
        assertThrows(PluginException.class, () -> plugin.run(Endpoint.parse("127.0.0.1:1")));
    assertTrue(problem.getMessage().contains("transform has no filter"), problem.getMessage());
    assertNullRefused("filter", () -> ServeOptions.of((Filter) null));
    assertNullRefused("handler", () -> Plugin.named("p").serve(Filter.all(), null));
    assertNullRefused("handler", () -> Plugin.named("p").resolveImport(Filter.all(), null));
    assertNullRefused("handler", () -> Plugin.named("p").onRequest("a", null));
    assertNullRefused("handler", () -> Plugin.named("p").onSocketReady(null));
    assertNullRefused("handler", () -> Plugin.named("p").serverStart(null));
  }

  @Test
  void liveFiltersMayComeLater() {
    ServeOptions options = ServeOptions.of();
    Plugin plugin = Plugin.named("p").serve(options, request -> null);
    options.liveFilters();
    plugin.stop();
    plugin.run(Endpoint.parse("127.0.0.1:1"));
  }

  @Test
  void nullIsRefusedByName() {
    assertNullRefused("source", () -> Content.js(null));
    assertNullRefused("body", () -> Content.of("js", (String) null));
    assertNullRefused("file", () -> Content.file(null));
    assertNullRefused("body", () -> Change.body((String) null));
    assertNullRefused("value", () -> Content.text("").header("x-a", null));
  }

  private static void assertNullRefused(String name, Executable call) {
    assertEquals(name, assertThrows(NullPointerException.class, call).getMessage());
  }

  @Test
  void aPluginStoppedBeforeItRunsReturnsAtOnce() {
    Plugin plugin = Plugin.named("p");
    plugin.stop();
    plugin.run(Endpoint.parse("127.0.0.1:1"));
    assertThrows(PluginException.class, plugin::run, "a second run");
  }
}

package dev.pagewire.client.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pagewire.client.BodyTooLargeException;
import dev.pagewire.client.Change;
import dev.pagewire.client.Content;
import dev.pagewire.client.Context;
import dev.pagewire.client.Failure;
import dev.pagewire.client.Filter;
import dev.pagewire.client.Header;
import dev.pagewire.client.ImportSpecifier;
import dev.pagewire.client.Imports;
import dev.pagewire.client.Message;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.PluginException;
import dev.pagewire.client.Request;
import dev.pagewire.client.Resolved;
import dev.pagewire.client.Response;
import dev.pagewire.client.RpcException;
import dev.pagewire.client.Socket;
import dev.pagewire.client.SourceLocation;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(30)
class TestingTest {
  @RegisterExtension static final PagewireExtension shared = PagewireExtension.create();
  @RegisterExtension final PagewireExtension own = PagewireExtension.serving(Path.of("examples"));

  @Test
  void aRequestHasDefaultsAndWhatTheTestNames() {
    Request request = Request.of("/a%20b.md?v=1");
    assertEquals("GET", request.method());
    assertEquals("/a b.md", request.path());
    assertEquals("v=1", request.query());
    assertEquals("/a%20b.md?v=1", request.rawTarget());
    assertEquals("localhost", request.host());
    assertEquals(List.of(), request.headers());
    assertEquals(Optional.empty(), request.filePath());
    assertEquals(Optional.empty(), request.timeRemaining());
    assertEquals("", request.text());
    Request posted =
        request
            .withMethod("POST")
            .withHeader("Accept", "*/*")
            .withFilePath(Path.of("/srv/a.md"))
            .withBody("body");
    assertEquals("POST", posted.method());
    assertEquals(Optional.of("*/*"), posted.header("accept"));
    assertEquals(Optional.of(Path.of("/srv/a.md")), posted.filePath());
    assertEquals("body", posted.text());
    Request omitted = posted.withOmittedBody(24, 20);
    assertTrue(omitted.bodyOmitted());
    assertThrows(BodyTooLargeException.class, omitted::body);
  }

  @Test
  void aContextHasWhatTheTestNames() {
    Socket socket = Socket.of("s", "http://localhost/");
    Context context =
        Context.of(Path.of("/srv"))
            .withSockets(socket)
            .withScratchDir(Path.of("/tmp/scratch"))
            .withConfig(Map.of("a", 1))
            .withClient(shared.client());
    Request request = Request.of("/").withContext(context);
    assertEquals(List.of(Path.of("/srv")), request.context().rootDirs());
    assertEquals(List.of(socket), context.sockets());
    assertEquals(Path.of("/tmp/scratch"), context.scratchDir());
    assertEquals(1L, context.config(Map.class).orElseThrow().get("a"));
    assertEquals(shared.client(), request.client());
    assertThrows(IllegalStateException.class, Request.of("/").withBody("")::client);
  }

  @Test
  void responsesAndImportsHaveWhatTheTestNames() {
    Request request = Request.of("/a");
    Response response = Response.of(request, "text/css", "a {}").withHeader("etag", "x");
    assertEquals("text/css", response.contentType());
    assertEquals("a {}", response.text());
    assertEquals(List.of(new Header("etag", "x")), response.headers());
    Imports imports = Imports.of(request, "lit", "./b.js");
    assertEquals("/a", imports.importer().path());
    assertEquals(2, imports.size());
    assertEquals(new ImportSpecifier("lit", false, 1, 1), imports.iterator().next());
  }

  @Test
  void aMessageHasTheTypeOfItsText() {
    Message message = Message.of(Map.of("type", "add", "n", 1));
    assertEquals("add", message.type());
    assertEquals(1L, message.json().get("n"));
    assertEquals(Optional.empty(), message.requestId());
    assertEquals("s", message.withSocketId("s").socketId());
    assertEquals(Optional.of("r"), message.withRequestId("r").requestId());
    assertEquals("{\"type\": 1}", Message.ofJson("{\"type\": 1}").text());
    assertArrayEquals(new byte[] {1}, Message.ofBinary(new byte[] {1}).binary().orElseThrow());
  }

  @Test
  void contentCanBeReadBack() {
    Path file = Path.of("/srv/a");
    Content content = Content.of("css", "a {}").header("X-A", "1").dependsOn(file);
    assertEquals("css", content.contentType());
    assertEquals("a {}", content.text());
    assertEquals(200, content.status());
    assertEquals(404, content.status(404).status());
    assertEquals(Optional.of("1"), content.header("x-a"));
    assertEquals(List.of(file), content.dependsOn());
    assertFalse(content.isRemembered() || content.isVerbatim());
    assertTrue(content.remember().isRemembered() && content.verbatim().isVerbatim());
    assertEquals(Optional.empty(), content.file());
    assertEquals(Optional.of(file), Content.file(file).file());
  }

  @Test
  void changesResolutionsAndFailuresCanBeReadBack() {
    Path file = Path.of("/srv/a");
    Change change =
        Change.body("b").contentType("js").header("a", "1").removeHeaders("ETag").dependsOn(file);
    assertEquals(Optional.of("b"), change.text());
    assertEquals("js", change.contentType());
    assertEquals(Optional.of("1"), change.header("a"));
    assertEquals(List.of("etag"), change.removeHeaders());
    assertEquals(List.of(file), change.dependsOn());
    assertFalse(change.isNoCache());
    assertTrue(change.noCache().isNoCache());
    assertEquals(Optional.empty(), Change.create().body());
    Resolved resolved = Resolved.of(Arrays.asList(null, "/lit.js")).dependsOn(file);
    assertEquals(Arrays.asList(null, "/lit.js"), resolved.specifiers());
    assertEquals(List.of(file), resolved.dependsOn());
    assertTrue(resolved.noCache().isNoCache());
    Failure failure = new Failure("no luck").at("a", 1, 2).dependsOn(file);
    assertEquals(500, failure.status());
    assertEquals(Optional.of(new SourceLocation("a", 1, 2, "")), failure.location());
    assertEquals(List.of(file), failure.dependsOn());
  }

  @RepeatedTest(2)
  void aPluginEndsWithItsTestAndTheSharedDaemonStays() {
    Plugin plugin = Plugin.named("p").serve(Filter.path("/p"), request -> Content.text("p"));
    // The second repetition would fail if the plugin of the first one had kept its name.
    shared.run(plugin);
    assertEquals("p", shared.get("/p").body());
    assertEquals(404, own.get("/p").statusCode());
    assertNotEquals(shared.url(), own.url());
    assertTrue(own.get("/Hello.java").body().contains("class Hello"));
  }

  @Test
  void aRunningPluginCanBeStopped() {
    Plugin plugin = Plugin.named("q").serve(Filter.path("/q"), request -> Content.text("q"));
    RunningPlugin running = shared.run(plugin);
    assertEquals(200, shared.get("/q").statusCode());
    running.close();
    assertEquals(404, shared.get("/q").statusCode());
  }

  @Test
  void aPluginThatDoesNotStartFailsTheTest() {
    Plugin refused = Plugin.named("r").serve(Filter.regex("("), request -> null);
    assertThrows(RpcException.class, () -> shared.run(refused));
    Plugin failing =
        Plugin.named("s")
            .serverStart(
                context -> {
                  throw new Exception("no luck");
                });
    PluginException failed = assertThrows(PluginException.class, () -> shared.run(failing));
    assertTrue(failed.getMessage().contains("no luck"), failed.getMessage());
    Plugin stopped = Plugin.named("t");
    stopped.stop();
    assertThrows(PluginException.class, () -> shared.run(stopped));
  }

  @Test
  void aDaemonThatDoesNotStartFailsTheTestWithItsText() {
    IllegalStateException failed =
        assertThrows(IllegalStateException.class, () -> TestDaemon.start("--mount=nonsense"));
    assertTrue(failed.getMessage().contains("nonsense"), failed.getMessage());
  }

  @Test
  void aClosedDaemonHasStoppedAndItsFolderIsGone() {
    TestDaemon daemon = TestDaemon.start();
    Path folder = daemon.folder();
    assertTrue(Files.isDirectory(folder));
    daemon.close();
    assertFalse(Files.exists(folder));
    assertThrows(UncheckedIOException.class, () -> daemon.get("/"));
  }

  @Test
  void theLogIsReadable() {
    TestDaemon daemon = TestDaemon.start();
    daemon.run(Plugin.named("logged"));
    daemon.close();
    assertTrue(daemon.log().contains("logged"), daemon.log());
  }
}

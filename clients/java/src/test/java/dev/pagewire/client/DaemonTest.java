package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pagewire.client.testing.PagewireExtension;
import io.grpc.Status;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Java-specific behaviour with a real daemon; the conformance suite covers everything else. */
@Timeout(30)
class DaemonTest {
  @RegisterExtension
  static final PagewireExtension daemon = PagewireExtension.create("--watch=events");

  private static Client client;

  @BeforeAll
  static void start() throws Exception {
    Files.writeString(daemon.folder().resolve("index.html"), "<title>t</title>");
    client = daemon.client();
  }

  private static TestPage open() throws Exception {
    return TestPage.open(daemon.url());
  }

  @Test
  void asynchronousHandlersReplyLikeBlockingOnes() throws Exception {
    Plugin plugin =
        Plugin.named("async")
            .serveAsync(
                Filter.path("/async"),
                request ->
                    request.client().async().info().thenApply(i -> Content.text(i.serverVersion())))
            .onRequestAsync("add", (m, c) -> CompletableFuture.completedFuture(m.json().get("n")))
            .onMessageAsync(
                "ping",
                (m, c) -> c.async().send(Target.socket(m.socketId()), Map.of("type", "pong")));
    daemon.run(plugin);
    try (TestPage page = open()) {
      HttpResponse<String> response = daemon.get("/async");
      assertEquals(client.info().serverVersion(), response.body());
      page.send("{\"type\":\"ping\"}");
      assertEquals("{\"type\":\"pong\"}", page.receive());
      page.send("{\"type\":\"add\",\"id\":1,\"n\":12,\"pagewire:request\":true}");
      assertEquals(12L, Json.read(page.receive(), Map.class).get("response"));
    }
  }

  @Test
  void blockingOnTheTransportThreadFailsAtOnce() throws Exception {
    Plugin plugin =
        Plugin.named("blocks")
            .serveAsync(
                Filter.path("/blocks"),
                request -> {
                  request.client().info();
                  return null;
                });
    daemon.run(plugin);
    HttpResponse<String> response = daemon.get("/blocks");
    assertEquals(500, response.statusCode());
    assertTrue(response.body().contains("client.async()"), response.body());
    // Called on the transport's thread, the future cannot complete before the stage depends on it.
    CompletableFuture<ServerInfo> stage =
        CompletableFuture.supplyAsync(
                () -> client.async().sockets().thenApply(sockets -> client.info()), Transport.LOOP)
            .thenCompose(Function.identity());
    CompletionException problem = assertThrows(CompletionException.class, stage::join);
    assertInstanceOf(IllegalStateException.class, problem.getCause());
  }

  @Test
  void thePageShowsAFailedFutureOfAHandler() throws Exception {
    Plugin plugin =
        Plugin.named("fails")
            .transformAsync(
                Filter.path("/index.html"),
                response -> CompletableFuture.failedFuture(new Exception("no luck")))
            .serveAsync(
                Filter.path("/failure"),
                request -> CompletableFuture.supplyAsync(() -> throwing("here")));
    daemon.run(plugin);
    assertTrue(daemon.get("/index.html").body().contains("no luck"));
    HttpResponse<String> response = daemon.get("/failure");
    assertEquals(418, response.statusCode());
    assertTrue(response.body().contains("here"), response.body());
  }

  private static Content throwing(String message) {
    throw new Failure(message).status(418);
  }

  @Test
  void anOversizedResultFailsOnlyItsOwnCall() throws Exception {
    Plugin plugin =
        Plugin.named("large")
            .serve(
                Filter.prefix("/large"),
                request -> Content.of("bin", new byte[request.query().isEmpty() ? 1 : 20 << 20]));
    daemon.run(plugin);
    HttpResponse<String> response = daemon.get("/large?all");
    assertEquals(500, response.statusCode());
    assertTrue(response.body().contains("larger than the daemon's limit"), response.body());
    assertEquals(200, daemon.get("/large").statusCode());
  }

  @Test
  void anOversizedReplyIsAnErrorOfTheRequest() throws Exception {
    Plugin plugin = Plugin.named("oversized").onRequest("large", (m, c) -> "x".repeat(17 << 20));
    daemon.run(plugin);
    try (TestPage page = open()) {
      page.send("{\"type\":\"large\",\"id\":1,\"pagewire:request\":true}");
      String error = String.valueOf(Json.read(page.receive(), Map.class).get("error"));
      int limit = client.info().limits().maxMessageBytes();
      assertTrue(error.contains("the reply has " + ((17 << 20) + 2) + " bytes"), error);
      assertTrue(error.contains("limit is " + limit + " bytes"), error);
    }
  }

  @Test
  void aRefusedFilterIsAnErrorThatNamesThePluginAndTheHook() {
    Plugin plugin = Plugin.named("slashless").transform(Filter.path("no slash"), response -> null);
    RpcException refused = assertThrows(RpcException.class, () -> plugin.run(daemon.endpoint()));
    assertEquals("FIELD_INVALID", refused.reason());
    assertTrue(
        refused.getMessage().startsWith("plugin `slashless`, transform: "), refused.getMessage());
  }

  @Test
  void theStackTraceOfAHandlerEndsWithTheHandler() throws Exception {
    CompletableFuture<Throwable> thrown = new CompletableFuture<>();
    Plugin plugin =
        Plugin.named("trace")
            .serveAsync(
                Filter.path("/trace"),
                request -> {
                  Exception problem = new Exception("no luck", new Exception("cause"));
                  thrown.complete(problem);
                  throw problem;
                });
    daemon.run(plugin);
    daemon.get("/trace");
    for (Throwable error : List.of(thrown.get(), thrown.get().getCause())) {
      StackTraceElement[] frames = error.getStackTrace();
      assertEquals(
          DaemonTest.class.getName(),
          frames[frames.length - 1].getClassName(),
          List.of(frames)::toString);
    }
  }

  @Test
  void threadsOfTheLibraryAreNotInTheThreadGroupOfTheProgram() throws Exception {
    // Maven's exec:java waits for the threads of the group in which it runs `main`.
    ThreadGroup group = new ThreadGroup("program");
    Plugin plugin = Plugin.named("threads").serve(Filter.path("/threads"), r -> Content.text(""));
    Thread main = new Thread(group, () -> plugin.run(daemon.endpoint()));
    main.start();
    plugin.started().get();
    daemon.get("/threads");
    Thread[] threads = new Thread[10];
    assertEquals(1, group.enumerate(threads), () -> java.util.Arrays.toString(threads));
    assertEquals(main, threads[0]);
    plugin.stop();
    main.join();
  }

  @Test
  void refusedFiltersFailTheCallAndThePluginContinues() throws Exception {
    ServeOptions options = ServeOptions.of(Filter.path("/one"));
    daemon.run(Plugin.named("filters").serve(options, request -> Content.text("served")));
    LiveFilters filters = options.liveFilters();
    RpcException refused =
        assertThrows(RpcException.class, () -> filters.set(List.of(Filter.path("no slash"))));
    assertEquals(Status.Code.INVALID_ARGUMENT, refused.code());
    assertEquals("FIELD_INVALID", refused.reason());
    assertEquals(1, refused.violations().size());
    assertEquals("served", daemon.get("/one").body());
    filters.set(List.of(Filter.path("/two")));
    assertEquals("served", daemon.get("/two").body());
    assertEquals(404, daemon.get("/one").statusCode());
  }

  @Test
  void aSubscriptionIsAnIteratorWithAPosition() throws Exception {
    SubscribeOptions options = SubscribeOptions.create().messages();
    try (Subscription events = client.subscribe(options);
        TestPage page = open()) {
      for (int n = 0; n < 200; n++) {
        page.send("{\"type\":\"n\",\"n\":" + n + "}");
      }
      for (int n = 0; n < 100; n++) {
        assertTrue(events.hasNext());
        Position before = events.position();
        Event event = events.next();
        assertTrue(before.sequence() < event.position().sequence(), "position did not advance");
        assertEquals(event.position(), events.position());
        assertEquals((long) n, ((Message) event.what()).json().get("n"));
      }
      events.close();
      assertFalse(events.hasNext());
      events.resume();
      assertTrue(events.resumed());
      for (int n = 100; n < 200; n++) {
        assertEquals((long) n, ((Message) events.next().what()).json().get("n"));
      }
    }
  }

  @Test
  void closingASubscriptionEndsABlockedRead() throws Exception {
    Subscription events = client.subscribe(SubscribeOptions.create().files().messages());
    CompletableFuture<Boolean> read = CompletableFuture.supplyAsync(events::hasNext);
    events.close();
    assertFalse(read.get());
  }

  @Test
  void anInterruptEndsABlockedCall() throws Exception {
    try (TestPage page = open()) {
      CompletableFuture<Throwable> ended = new CompletableFuture<>();
      Import forever = Import.code("export default () => new Promise(() => {})");
      Thread waiting =
          new Thread(
              () -> {
                try {
                  client.importValue(Target.socket(page.socketId()), forever);
                  ended.complete(null);
                } catch (CancellationException interrupted) {
                  ended.complete(Thread.currentThread().isInterrupted() ? interrupted : null);
                }
              });
      waiting.start();
      assertTrue(page.receive().contains("\"import\""));
      waiting.interrupt();
      assertInstanceOf(CancellationException.class, ended.get());
    }
  }

  @Test
  void anExceptionHasTheStackTraceOfItsCaller() {
    RpcException rpc =
        assertThrows(RpcException.class, () -> client.sendText(Target.sockets(List.of()), "x"));
    assertEquals(Status.Code.INVALID_ARGUMENT, rpc.code());
    assertEquals("FIELD_INVALID", rpc.reason());
    assertTrue(
        List.of(rpc.getStackTrace()).stream()
            .anyMatch(frame -> frame.getClassName().equals(DaemonTest.class.getName())));
  }

  @Test
  void aSubscriptionAnswersOnlyTheTypesItOffersTo() throws Exception {
    SubscribeOptions options =
        SubscribeOptions.create().messageTypes("question", "notice").answers("question");
    try (Subscription events = client.subscribe(options);
        TestPage page = open()) {
      page.send("{\"type\":\"notice\",\"id\":1,\"pagewire:request\":true}");
      assertNotNull(Json.read(page.receive(), Map.class).get("error"));
      page.send("{\"type\":\"question\",\"id\":2,\"pagewire:request\":true}");
      Message message = (Message) events.next().what();
      assertEquals("notice", message.type());
      client.reply((Message) events.next().what(), 3);
      assertEquals(3L, Json.read(page.receive(), Map.class).get("response"));
    }
    SubscribeOptions mismatched =
        SubscribeOptions.create().messageTypes("question").answers("other");
    RpcException rpc = assertThrows(RpcException.class, () -> client.subscribe(mismatched));
    assertEquals("FIELD_INVALID", rpc.reason());
  }

  @Test
  void aReplyToAMessageThatIsNotARequestFails() throws Exception {
    try (Subscription events = client.subscribe(SubscribeOptions.create().messages());
        TestPage page = open()) {
      page.send("{\"type\":\"not a request\"}");
      Message message = (Message) events.next().what();
      assertThrows(RpcException.class, () -> client.reply(message, 1));
    }
  }

  @Test
  void aConsoleLogMayHaveASource() throws Exception {
    try (TestPage page = open()) {
      client.consoleLog(Target.socket(page.socketId()), ConsoleLevel.WARN, "java", "text");
      Map<?, ?> log = Json.read(page.receive(), Map.class);
      assertEquals("java", log.get("source"));
      assertEquals("text", log.get("text"));
    }
  }

  @Test
  @Timeout(60)
  void theContextHasMoreSocketsThanTheFirstMessageOfTheDaemon() throws Exception {
    Plugin plugin =
        Plugin.named("crowd")
            .serve(
                Filter.path("/crowd"),
                request -> Content.text("" + request.context().sockets().size()));
    List<TestPage> pages = new ArrayList<>();
    try {
      for (int i = 0; i <= 1000; i++) {
        pages.add(open());
      }
      daemon.run(plugin);
      // Sockets of other tests may still be open.
      assertTrue(Integer.parseInt(daemon.get("/crowd").body()) > 1000);
    } finally {
      pages.forEach(TestPage::close);
    }
  }

  @Test
  void anErrorIsLoggedWithItsStackTraceAndAFailureWithItsLocation() throws Exception {
    List<LogRecord> records = new CopyOnWriteArrayList<>();
    Logger logger = Logger.getLogger("dev.pagewire.client");
    logger.setFilter(record -> !records.add(record));
    Plugin plugin =
        Plugin.named("logs")
            .serve(
                Filter.prefix("/logs/"),
                request -> {
                  if (request.path().equals("/logs/failure")) {
                    throw new Failure("no luck").at("a.vue", 3, 0);
                  }
                  throw new Exception("no luck");
                });
    daemon.run(plugin);
    try {
      daemon.get("/logs/error");
      daemon.get("/logs/failure");
    } finally {
      logger.setFilter(null);
    }
    LogRecord error = logged(records, "serve of /logs/error failed: no luck");
    assertEquals("no luck", error.getThrown().getMessage());
    LogRecord failure = logged(records, "serve of /logs/failure failed: no luck (a.vue:3)");
    assertNull(failure.getThrown());
  }

  private static LogRecord logged(List<LogRecord> records, String message) {
    return records.stream()
        .filter(record -> record.getMessage().equals(message))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void callsOfAClosedClientFailAsDisconnected() {
    Client other = Client.connect(daemon.endpoint());
    other.close();
    assertThrows(DisconnectedException.class, other::info);
    assertThrows(DisconnectedException.class, () -> other.sendText(Target.all(), "x"));
  }

  @Test
  void anInterruptEndsAPlugin() throws Exception {
    Plugin plugin = Plugin.named("interrupted");
    CountDownLatch started = new CountDownLatch(1);
    plugin.serverStart(context -> started.countDown());
    CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              plugin.run(daemon.endpoint());
              interrupted.complete(Thread.currentThread().isInterrupted());
            });
    thread.start();
    started.await();
    thread.interrupt();
    assertTrue(interrupted.get());
  }
}

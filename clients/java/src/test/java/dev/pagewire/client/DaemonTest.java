package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the conformance suite does not see: how the library behaves towards Java. */
@Timeout(30)
class DaemonTest {
  private static TestDaemon daemon;
  private static Client client;

  @BeforeAll
  static void start() throws Exception {
    daemon = TestDaemon.start();
    client = Client.connect(daemon.endpoint());
  }

  @AfterAll
  static void stop() throws Exception {
    client.close();
    daemon.close();
  }

  /** Runs a plugin while the test does. */
  private static Running run(Plugin plugin) throws Exception {
    CountDownLatch started = new CountDownLatch(1);
    plugin.serverStart(context -> started.countDown());
    CompletableFuture<Void> ended =
        CompletableFuture.runAsync(
            () -> plugin.run(daemon.endpoint()), task -> new Thread(task).start());
    CompletableFuture.anyOf(ended, CompletableFuture.runAsync(() -> await(started))).get();
    return new Running(plugin, ended);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException never) {
      throw new IllegalStateException(never);
    }
  }

  private record Running(Plugin plugin, CompletableFuture<Void> ended) implements AutoCloseable {
    @Override
    public void close() throws ExecutionException, InterruptedException {
      plugin.stop();
      ended.get();
    }
  }

  @Test
  void asynchronousHandlersAnswerLikeTheOthers() throws Exception {
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
    try (Running running = run(plugin);
        TestPage page = daemon.open()) {
      HttpResponse<String> answer = daemon.get("/async");
      assertEquals(client.info().serverVersion(), answer.body());
      page.say("{\"type\":\"ping\"}");
      assertEquals("{\"type\":\"pong\"}", page.hear());
      page.say("{\"type\":\"add\",\"id\":1,\"n\":12,\"pagewire:request\":true}");
      assertEquals(12L, Json.read(page.hear(), Map.class).get("response"));
    }
  }

  @Test
  void waitingForTheDaemonWhereItIsReadIsRefusedAtOnce() throws Exception {
    Plugin plugin =
        Plugin.named("waits")
            .serveAsync(
                Filter.path("/waits"),
                request -> {
                  request.client().info();
                  return null;
                });
    try (Running running = run(plugin)) {
      HttpResponse<String> answer = daemon.get("/waits");
      assertEquals(500, answer.statusCode());
      assertTrue(answer.body().contains("client.async()"), answer.body());
    }
    CompletableFuture<ServerInfo> follows =
        client.async().sockets().thenApply(sockets -> client.info());
    CompletionException problem = assertThrows(CompletionException.class, follows::join);
    assertInstanceOf(IllegalStateException.class, problem.getCause());
  }

  @Test
  void aFutureOfAHandlerThatFailsIsShownInThePage() throws Exception {
    Plugin plugin =
        Plugin.named("fails")
            .transformAsync(
                Filter.path("/index.html"),
                response -> CompletableFuture.failedFuture(new Exception("no luck")))
            .serveAsync(
                Filter.path("/failure"),
                request -> CompletableFuture.supplyAsync(() -> throwing("here")));
    try (Running running = run(plugin)) {
      assertTrue(daemon.get("/index.html").body().contains("no luck"));
      HttpResponse<String> answer = daemon.get("/failure");
      assertEquals(418, answer.statusCode());
      assertTrue(answer.body().contains("here"), answer.body());
    }
  }

  private static Content throwing(String message) {
    throw new Failure(message).status(418);
  }

  @Test
  void aResultThatIsTooLargeFailsByItself() throws Exception {
    Plugin plugin =
        Plugin.named("large")
            .serve(
                Filter.prefix("/large"),
                request -> Content.of("bin", new byte[request.query().isEmpty() ? 1 : 20 << 20]));
    try (Running running = run(plugin)) {
      HttpResponse<String> answer = daemon.get("/large?all");
      assertEquals(500, answer.statusCode());
      assertTrue(answer.body().contains("larger than the daemon takes"), answer.body());
      assertEquals(200, daemon.get("/large").statusCode());
    }
  }

  @Test
  void aSubscriptionIsAnIteratorWithAPlace() throws Exception {
    SubscribeOptions options = SubscribeOptions.create().messages();
    try (Subscription events = client.subscribe(options);
        TestPage page = daemon.open()) {
      for (int n = 0; n < 200; n++) {
        page.say("{\"type\":\"n\",\"n\":" + n + "}");
      }
      for (int n = 0; n < 100; n++) {
        assertTrue(events.hasNext());
        Position before = events.position();
        Event event = events.next();
        assertTrue(before.sequence() < event.position().sequence(), "not read before");
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
  void closingASubscriptionEndsWhoWaitsForIt() throws Exception {
    Subscription events = client.subscribe(SubscribeOptions.create().files().messages());
    CompletableFuture<Boolean> waits = CompletableFuture.supplyAsync(events::hasNext);
    events.close();
    assertFalse(waits.get());
  }

  @Test
  void anInterruptEndsAWait() throws Exception {
    try (TestPage page = daemon.open()) {
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
      assertTrue(page.hear().contains("\"import\""));
      waiting.interrupt();
      assertInstanceOf(CancellationException.class, ended.get());
    }
  }

  @Test
  void anExceptionTellsWhereItsCallWasMade() {
    RpcException refused =
        assertThrows(RpcException.class, () -> client.sendText(Target.sockets(List.of()), "x"));
    assertEquals(Status.Code.INVALID_ARGUMENT, refused.code());
    assertEquals("FIELD_INVALID", refused.reason());
    assertTrue(
        List.of(refused.getStackTrace()).stream()
            .anyMatch(frame -> frame.getClassName().equals(DaemonTest.class.getName())));
  }

  @Test
  void aSubscriptionAnswersSomeTypesAndOnlyHearsOthers() throws Exception {
    SubscribeOptions options = SubscribeOptions.create().messageTypes("ask", "tell").answers("ask");
    try (Subscription events = client.subscribe(options);
        TestPage page = daemon.open()) {
      page.say("{\"type\":\"tell\",\"id\":1,\"pagewire:request\":true}");
      assertTrue(page.hear().contains("nobody answers"));
      page.say("{\"type\":\"ask\",\"id\":2,\"pagewire:request\":true}");
      Message message = (Message) events.next().what();
      assertEquals("tell", message.type());
      client.reply((Message) events.next().what(), 3);
      assertEquals(3L, Json.read(page.hear(), Map.class).get("response"));
    }
    SubscribeOptions never = SubscribeOptions.create().messageTypes("ask").answers("aks");
    RpcException refused = assertThrows(RpcException.class, () -> client.subscribe(never));
    assertEquals("FIELD_INVALID", refused.reason());
  }

  @Test
  void aReplyToWhatIsNoRequestIsRefused() throws Exception {
    try (Subscription events = client.subscribe(SubscribeOptions.create().messages());
        TestPage page = daemon.open()) {
      page.say("{\"type\":\"no request\"}");
      Message message = (Message) events.next().what();
      assertThrows(RpcException.class, () -> client.reply(message, 1));
    }
  }

  @Test
  void aClientThatIsClosedIsDisconnected() {
    Client other = Client.connect(daemon.endpoint());
    other.close();
    assertThrows(DisconnectedException.class, other::info);
    assertThrows(DisconnectedException.class, () -> other.sendText(Target.all(), "x"));
  }

  @Test
  void anInterruptWithdrawsAPlugin() throws Exception {
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

package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class HandlersTest {
  @Test
  void blockedHandlersHaveOneThreadEach() throws Exception {
    int count = 300;
    // Threads of other tests that are still idle.
    AtomicLong most = new AtomicLong(handlerThreads());
    CountDownLatch all = new CountDownLatch(count);
    CountDownLatch done = new CountDownLatch(count);
    for (int i = 0; i < count; i++) {
      HandlerThreads.execute(
          () -> {
            all.countDown();
            try {
              all.await();
            } catch (InterruptedException never) {
              throw new IllegalStateException(never);
            }
            if (done.getCount() == count) {
              most.accumulateAndGet(handlerThreads(), Math::max);
            }
            done.countDown();
          });
    }
    assertTrue(done.await(15, TimeUnit.SECONDS));
    assertEquals(count, most.get());
  }

  private static long handlerThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("pagewire-handler-"))
        .count();
  }

  @Test
  void handlersRunInOrderForOneSocketAndConcurrentlyForOthers() throws Exception {
    SocketQueues queues = new SocketQueues();
    List<Integer> order = new CopyOnWriteArrayList<>();
    CountDownLatch other = new CountDownLatch(1);
    for (int i = 0; i < 100; i++) {
      int number = i;
      Callback<Integer, Object> callback =
          Callback.blocking(
              input -> {
                other.await();
                return order.add(input);
              });
      queues.add("a", new HandlerCall<>(callback, number, (result, error) -> queues.done("a")));
    }
    Callback<Integer, Object> release =
        Callback.blocking(
            input -> {
              other.countDown();
              return null;
            });
    queues.add("b", new HandlerCall<>(release, 0, (result, error) -> queues.done("b")));
    queues.idle().get();
    assertEquals(IntStream.range(0, 100).boxed().toList(), order);
  }

  @Test
  void cancellingInterruptsTheHandlerButNotTheNextOneOnItsThread() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CompletableFuture<Throwable> failed = new CompletableFuture<>();
    Callback<String, Object> hanging =
        Callback.blocking(
            input -> {
              running.countDown();
              new CountDownLatch(1).await();
              return null;
            });
    CompletableFuture<Boolean> next = new CompletableFuture<>();
    HandlerCall<String, Object> call =
        new HandlerCall<>(
            hanging,
            "",
            (result, error) -> {
              failed.complete(error);
              HandlerThreads.execute(() -> next.complete(Thread.currentThread().isInterrupted()));
            });
    call.start();
    running.await();
    call.cancel();
    assertInstanceOf(InterruptedException.class, failed.get());
    assertFalse(next.get());
  }

  @Test
  void cancellingCancelsTheFutureOfAnAsynchronousHandler() {
    CompletableFuture<Object> returned = new CompletableFuture<>();
    HandlerCall<String, Object> call =
        new HandlerCall<>(Callback.async(input -> returned), "", (result, error) -> {});
    call.start();
    call.cancel();
    assertTrue(returned.isCancelled());
  }

  @Test
  void aCallThatIsCancelledBeforeItStartsDoesNotReachItsHandler() {
    CompletableFuture<Throwable> failed = new CompletableFuture<>();
    Callback<String, Object> handler =
        Callback.async(
            input -> {
              throw new AssertionError("called");
            });
    HandlerCall<String, Object> call =
        new HandlerCall<>(handler, "", (result, error) -> failed.complete(error));
    call.cancel();
    call.start();
    assertInstanceOf(CancellationException.class, failed.join());
  }
}

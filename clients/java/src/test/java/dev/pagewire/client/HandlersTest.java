package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class HandlersTest {
  @Test
  void asManyHandlersAsThereAreWaitAtTheSameTime() throws Exception {
    int many = 300;
    CountDownLatch all = new CountDownLatch(many);
    CountDownLatch done = new CountDownLatch(many);
    for (int i = 0; i < many; i++) {
      Workers.execute(
          () -> {
            all.countDown();
            try {
              all.await();
            } catch (InterruptedException never) {
              throw new IllegalStateException(never);
            }
            done.countDown();
          });
    }
    assertTrue(done.await(15, TimeUnit.SECONDS));
  }

  @Test
  void handlersOfOneSocketRunInOrderThoseOfOthersBesideThem() throws Exception {
    Turns turns = new Turns();
    List<Integer> order = new CopyOnWriteArrayList<>();
    CountDownLatch other = new CountDownLatch(1);
    for (int i = 0; i < 100; i++) {
      int number = i;
      Callback<Integer, Object> callback =
          Callback.waiting(
              input -> {
                other.await();
                return order.add(input);
              });
      turns.add("a", new HandlerCall<>(callback, number, (made, error) -> turns.done("a")));
    }
    Callback<Integer, Object> release =
        Callback.waiting(
            input -> {
              other.countDown();
              return null;
            });
    turns.add("b", new HandlerCall<>(release, 0, (made, error) -> turns.done("b")));
    turns.idle().get();
    assertEquals(IntStream.range(0, 100).boxed().toList(), order);
  }

  @Test
  void aCancelledHandlerIsInterruptedAndTheNextOnItsThreadIsNot() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CompletableFuture<Throwable> failed = new CompletableFuture<>();
    Callback<String, Object> hanging =
        Callback.waiting(
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
            (made, error) -> {
              failed.complete(error);
              Workers.execute(() -> next.complete(Thread.currentThread().isInterrupted()));
            });
    call.start();
    running.await();
    call.cancel();
    assertInstanceOf(InterruptedException.class, failed.get());
    assertFalse(next.get());
  }

  @Test
  void theFutureOfACancelledHandlerIsCancelled() {
    CompletableFuture<Object> returned = new CompletableFuture<>();
    HandlerCall<String, Object> call =
        new HandlerCall<>(Callback.async(input -> returned), "", (made, error) -> {});
    call.start();
    call.cancel();
    assertTrue(returned.isCancelled());
  }
}

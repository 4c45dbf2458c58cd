package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pagewire.v1.RequestFilter;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class LiveFiltersTest {
  private final LiveFilters live = ServeOptions.of().liveFilters();
  private final List<List<String>> sent = new ArrayList<>();

  private void send(List<RequestFilter> filters) {
    sent.add(filters.stream().flatMap(filter -> filter.getExactPathsList().stream()).toList());
  }

  private CompletableFuture<Void> set(String path) {
    return live.setAsync(List.of(Filter.path(path)));
  }

  @Test
  void whileNoHookIsOpenFiltersAreInForceAtOnce() {
    assertTrue(set("/a").isDone());
    assertEquals(1, live.open(this::send).first().size());
  }

  @Test
  void filtersSetDuringAnUpdateFollowItAtOnce() {
    LiveFilters.Part hook = live.open(this::send);
    hook.first();
    CompletableFuture<Void> early = set("/early");
    assertEquals(List.of(), sent, "not open yet");
    hook.inForce();
    assertEquals(List.of(List.of("/early")), sent);
    CompletableFuture<Void> skipped = set("/skipped");
    CompletableFuture<Void> last = set("/last");
    assertEquals(1, sent.size(), "one at a time");
    hook.inForce();
    assertTrue(early.isDone());
    assertFalse(skipped.isDone());
    assertEquals(List.of(List.of("/early"), List.of("/last")), sent);
    hook.inForce();
    assertTrue(skipped.isDone() && last.isDone());
    assertEquals(2, sent.size(), "nothing was set");
  }

  @Test
  void theyAreInForceWhenAllHooksHaveThem() {
    LiveFilters.Part one = live.open(this::send);
    LiveFilters.Part another = live.open(this::send);
    for (LiveFilters.Part hook : List.of(one, another)) {
      hook.first();
      hook.inForce();
    }
    CompletableFuture<Void> set = set("/a");
    one.inForce();
    assertFalse(set.isDone());
    another.inForce();
    assertTrue(set.isDone());
  }

  @Test
  void aRefusalIsToldToWhomItIsFor() {
    LiveFilters.Part hook = live.open(this::send);
    hook.first();
    hook.inForce();
    CompletableFuture<Void> bad = live.setAsync(List.of(Filter.regex("(")));
    CompletableFuture<Void> later = live.setAsync(List.of());
    hook.ended(new RpcException(Status.Code.INVALID_ARGUMENT, "FIELD_INVALID", "", List.of()));
    CompletionException refused = assertThrows(CompletionException.class, bad::join);
    assertTrue(refused.getCause() instanceof RpcException);
    later.join();
  }
}

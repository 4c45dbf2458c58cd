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
  void filtersAreInForceAtOnceWithoutAnOpenHook() {
    assertTrue(set("/a").isDone());
    assertEquals(1, live.open(this::send).initial().size());
  }

  @Test
  void filtersSetDuringAnUpdateAreSentAfterIt() {
    LiveFilters.HookFilters hook = live.open(this::send);
    hook.initial();
    CompletableFuture<Void> early = set("/early");
    assertEquals(List.of(), sent, "sent before the hook was open");
    hook.confirm();
    assertEquals(List.of(List.of("/early")), sent);
    CompletableFuture<Void> skipped = set("/skipped");
    CompletableFuture<Void> last = set("/last");
    assertEquals(1, sent.size(), "sent during second update");
    hook.confirm();
    assertTrue(early.isDone());
    assertFalse(skipped.isDone());
    assertEquals(List.of(List.of("/early"), List.of("/last")), sent);
    hook.confirm();
    assertTrue(skipped.isDone() && last.isDone());
    assertEquals(2, sent.size(), "sent without a change");
  }

  @Test
  void filtersAreInForceWhenAllHooksHaveConfirmedThem() {
    LiveFilters.HookFilters first = live.open(this::send);
    LiveFilters.HookFilters second = live.open(this::send);
    for (LiveFilters.HookFilters hook : List.of(first, second)) {
      hook.initial();
      hook.confirm();
    }
    CompletableFuture<Void> set = set("/a");
    first.confirm();
    assertFalse(set.isDone());
    second.confirm();
    assertTrue(set.isDone());
  }

  @Test
  void aRefusalFailsTheCallThatSetTheFilters() {
    LiveFilters.HookFilters hook = live.open(this::send);
    hook.initial();
    hook.confirm();
    CompletableFuture<Void> bad = live.setAsync(List.of(Filter.regex("(")));
    CompletableFuture<Void> later = live.setAsync(List.of());
    hook.ended(new RpcException(Status.Code.INVALID_ARGUMENT, "FIELD_INVALID", "", List.of()));
    CompletionException refused = assertThrows(CompletionException.class, bad::join);
    assertTrue(refused.getCause() instanceof RpcException);
    later.join();
  }
}

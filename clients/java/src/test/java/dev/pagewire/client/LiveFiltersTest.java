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
    CompletableFuture<Void> late = set("/late");
    assertEquals(List.of(), sent, "sent before the hook was open");
    hook.confirm();
    assertEquals(List.of(List.of("/early")), sent, "sent during the first update");
    hook.confirm();
    assertTrue(early.isDone());
    assertFalse(late.isDone());
    assertEquals(List.of(List.of("/early"), List.of("/late")), sent);
    hook.confirm();
    assertTrue(late.isDone());
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

  private LiveFilters.HookFilters openWith(String path) {
    set(path);
    LiveFilters.HookFilters hook = live.open(this::send);
    hook.confirm();
    return hook;
  }

  private List<String> stored() {
    return live.open(this::send).initial().get(0).getExactPathsList();
  }

  private static void assertFailed(PagewireException expected, CompletableFuture<Void> call) {
    assertEquals(expected, assertThrows(CompletionException.class, call::join).getCause());
  }

  private static final RpcException REFUSED =
      new RpcException(Status.Code.INVALID_ARGUMENT, "FIELD_INVALID", "", List.of());

  @Test
  void aRefusalFailsTheCallAndTheEarlierFiltersStay() {
    LiveFilters.HookFilters hook = openWith("/earlier");
    CompletableFuture<Void> bad = set("bad");
    CompletableFuture<Void> later = set("/later");
    hook.refused(REFUSED);
    assertFailed(REFUSED, bad);
    assertEquals(List.of(List.of("bad"), List.of("/later")), sent);
    assertEquals(List.of("/earlier"), stored());
    assertFalse(later.isDone());
  }

  @Test
  void aHookThatAcceptedWhatAnotherRefusedGetsTheEarlierFiltersAgain() {
    LiveFilters.HookFilters first = openWith("/earlier");
    LiveFilters.HookFilters second = live.open(filters -> {});
    second.confirm();
    CompletableFuture<Void> bad = set("bad");
    first.confirm();
    second.refused(REFUSED);
    assertFailed(REFUSED, bad);
    assertEquals(List.of(List.of("bad"), List.of("/earlier")), sent);
  }

  @Test
  void aRefusalThatEndsTheHookKeepsTheEarlierFilters() {
    LiveFilters.HookFilters hook = openWith("/earlier");
    CompletableFuture<Void> bad = set("bad");
    hook.ended(REFUSED);
    assertFailed(REFUSED, bad);
    assertEquals(List.of("/earlier"), stored());
  }

  @Test
  void filtersInFlightWhenTheConnectionIsLostAreUsedForTheNextOne() {
    LiveFilters.HookFilters hook = openWith("/earlier");
    CompletableFuture<Void> call = set("/next");
    PagewireException lost = new DisconnectedException("");
    hook.ended(lost);
    assertFailed(lost, call);
    assertEquals(List.of("/next"), stored());
  }
}

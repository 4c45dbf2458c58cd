package dev.pagewire.client;

import dev.pagewire.v1.RequestFilter;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Replaces the filters of a hook while its plugin runs, for example when an editor has unsaved
 * files to serve. Obtained from {@link HookOptions#liveFilters}.
 *
 * <p>The filters are stored whether a plugin runs or not: a plugin that reconnects opens its hook
 * with the filters that the daemon accepted last.
 */
public final class LiveFilters {
  /** A call that sets filters. Compared by identity. */
  private record Update(List<RequestFilter> filters, CompletableFuture<Void> done) {}

  /** The filters accepted last, or set last while no hook was open. */
  private Update accepted;

  /**
   * Updates that the daemon has not answered, in the order of the calls; the first is in flight.
   */
  private final Queue<Update> pending = new ArrayDeque<>();

  private final List<HookFilters> hooks = new ArrayList<>();

  LiveFilters(List<RequestFilter> filters) {
    accepted = new Update(filters, new CompletableFuture<>());
  }

  /**
   * Replaces all filters; without any the hook is not called. Returns once they are active: no
   * later request is matched against the old ones. Concurrent calls take effect one after the
   * other. Returns at once while the plugin does not run; a filter that the daemon refuses then
   * ends the plugin when it runs.
   *
   * @param filters the filters
   * @throws RpcException when the daemon refuses a filter ({@code FIELD_INVALID}): the earlier
   *     filters stay, and the plugin continues. A daemon older than this library ends the plugin
   * @throws PagewireException when the plugin fails for another reason meanwhile; then it opens the
   *     hook with the new filters when it reconnects
   */
  public void set(Iterable<Filter> filters) {
    Transport.await(setAsync(filters));
  }

  /**
   * Asynchronous form of {@link #set}.
   *
   * @param filters the filters
   * @return a future that completes when the filters are active
   */
  public CompletableFuture<Void> setAsync(Iterable<Filter> filters) {
    Update update = new Update(Filter.toWire(filters), new CompletableFuture<>());
    synchronized (this) {
      pending.add(update);
    }
    advance();
    return update.done;
  }

  /** State of the filters in one open hook. */
  final class HookFilters {
    private final Consumer<List<RequestFilter>> sender;

    /** The update sent to the daemon last; at first the filters to open the hook with. */
    private Update sent = accepted;

    /** The update that is active in the daemon; null until the hook is open. */
    private Update active;

    private HookFilters(Consumer<List<RequestFilter>> sender) {
      this.sender = sender;
    }

    /** Returns the filters to open the hook with. */
    List<RequestFilter> initial() {
      return sent.filters;
    }

    private void send(Update wanted) {
      if (active == sent && active != wanted) {
        sent = wanted;
        sender.accept(wanted.filters);
      }
    }

    /**
     * Records that the filters sent last are active. Returns whether they were not active before.
     */
    boolean confirm() {
      boolean changed;
      synchronized (LiveFilters.this) {
        changed = active != sent;
        active = sent;
      }
      advance();
      return changed;
    }

    /** Records that the daemon has refused the filters sent last; the earlier ones are active. */
    void refused(RpcException why) {
      Update refused;
      synchronized (LiveFilters.this) {
        refused = sent;
        sent = active;
        pending.remove(refused);
      }
      refused.done.completeExceptionally(why);
      advance();
    }

    /**
     * Removes a hook that has ended, or is about to. If it failed, the call whose update is in
     * flight gets the error.
     */
    void ended(PagewireException why) {
      Update failed = null;
      synchronized (LiveFilters.this) {
        if (!hooks.remove(this)) {
          return;
        }
        if (why != null && active != null && active != sent && pending.remove(sent)) {
          failed = sent;
          // An older daemon reports a refusal in this way. After any other end the new filters may
          // be valid, and the caller cannot know when to set them again.
          accepted = isRefusal(why) ? accepted : failed;
        }
      }
      if (failed != null) {
        failed.done.completeExceptionally(why);
      }
      advance();
    }
  }

  private static boolean isRefusal(PagewireException why) {
    return why instanceof RpcException rpc && rpc.code() == Status.Code.INVALID_ARGUMENT;
  }

  /**
   * Adds a hook, until it has ended.
   *
   * @param sender sends filters to the daemon without blocking
   */
  synchronized HookFilters open(Consumer<List<RequestFilter>> sender) {
    HookFilters hook = new HookFilters(sender);
    hooks.add(hook);
    return hook;
  }

  /** Completes the updates that all hooks have confirmed, and sends the next one. */
  private void advance() {
    List<Update> completed = new ArrayList<>();
    synchronized (this) {
      while (!pending.isEmpty() && hooks.stream().allMatch(hook -> hook.active == pending.peek())) {
        accepted = pending.remove();
        completed.add(accepted);
      }
      Update wanted = pending.isEmpty() ? accepted : pending.peek();
      hooks.forEach(hook -> hook.send(wanted));
    }
    completed.forEach(update -> update.done.complete(null));
  }
}

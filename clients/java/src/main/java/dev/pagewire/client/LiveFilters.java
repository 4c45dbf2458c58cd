package dev.pagewire.client;

import dev.pagewire.v1.RequestFilter;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Replaces the filters of a hook while its plugin runs, for example when an editor has unsaved
 * files to serve. Obtained from {@link HookOptions#liveFilters}.
 *
 * <p>The filters are stored whether a plugin runs or not: a plugin that reconnects opens its hook
 * with the filters that were set last.
 */
public final class LiveFilters {
  private List<RequestFilter> filters;

  /** Incremented each time the filters are set. */
  private long version = 1;

  private final List<HookFilters> hooks = new ArrayList<>();
  private final List<Waiter> waiters = new ArrayList<>();

  LiveFilters(List<RequestFilter> filters) {
    this.filters = filters;
  }

  /** A caller that waits until a version of the filters is active. */
  private record Waiter(long version, CompletableFuture<Void> done) {}

  /**
   * Replaces all filters; without any the hook is not called. Returns once they are active: no
   * later request is matched against the old ones. Of several concurrent calls the last one wins,
   * and all return when its filters are active. Returns at once while the plugin does not run.
   *
   * @param filters the filters
   * @throws RpcException when the daemon refuses a filter ({@code FIELD_INVALID}; this ends the
   *     plugin), or when the plugin fails for another reason meanwhile. The filters stay set:
   *     replace refused ones before the plugin is run again
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
    Waiter waiter;
    synchronized (this) {
      this.filters = Filter.toWire(filters);
      version++;
      waiter = new Waiter(version, new CompletableFuture<>());
      waiters.add(waiter);
      hooks.forEach(HookFilters::update);
    }
    completeWaiters();
    return waiter.done;
  }

  /** State of the filters in one open hook. */
  final class HookFilters {
    private final Consumer<List<RequestFilter>> sender;

    /** The version sent to the daemon last. */
    private long sent;

    /**
     * The version that the daemon has confirmed. Lower than {@code sent} while an update is in
     * flight; only one is in flight at a time.
     */
    private long confirmed;

    private HookFilters(Consumer<List<RequestFilter>> sender) {
      this.sender = sender;
    }

    /**
     * Returns the filters to open the hook with; the daemon's response is reported to {@link
     * #confirm}.
     */
    List<RequestFilter> initial() {
      synchronized (LiveFilters.this) {
        sent = version;
        return filters;
      }
    }

    private void update() {
      if (hooks.contains(this) && confirmed > 0 && sent == confirmed && sent < version) {
        sent = version;
        sender.accept(filters);
      }
    }

    /**
     * Records that the daemon has activated the filters that were sent last. Returns whether they
     * were not active before.
     */
    boolean confirm() {
      boolean changed;
      synchronized (LiveFilters.this) {
        changed = confirmed < sent;
        confirmed = sent;
        update();
      }
      completeWaiters();
      return changed;
    }

    /**
     * Removes a hook that has ended, or is about to. If it failed, callers that wait for its
     * pending update get the error.
     */
    void ended(PagewireException why) {
      List<Waiter> failed = new ArrayList<>();
      synchronized (LiveFilters.this) {
        if (!hooks.remove(this)) {
          return;
        }
        if (why != null) {
          waiters.stream()
              .filter(waiter -> waiter.version > confirmed && waiter.version <= sent)
              .forEach(failed::add);
          waiters.removeAll(failed);
        }
      }
      failed.forEach(waiter -> waiter.done.completeExceptionally(why));
      completeWaiters();
    }
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

  /** Completes the waiters whose version all hooks have confirmed. */
  private void completeWaiters() {
    List<Waiter> completed = new ArrayList<>();
    synchronized (this) {
      long lowest = hooks.stream().mapToLong(hook -> hook.confirmed).min().orElse(version);
      for (Iterator<Waiter> left = waiters.iterator(); left.hasNext(); ) {
        Waiter waiter = left.next();
        if (waiter.version <= lowest) {
          completed.add(waiter);
          left.remove();
        }
      }
    }
    completed.forEach(waiter -> waiter.done.complete(null));
  }
}

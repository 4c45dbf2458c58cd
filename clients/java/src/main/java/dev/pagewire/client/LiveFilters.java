package dev.pagewire.client;

import dev.pagewire.v1.RequestFilter;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Replaces the filters of a hook while its plugin runs: an editor is asked about the files that it
 * has unsaved, say. From {@link HookOptions#liveFilters}.
 *
 * <p>It holds the filters whether a plugin runs or not: one that comes back opens its hook with
 * those that were set last.
 */
public final class LiveFilters {
  private List<RequestFilter> filters;

  /** How often they were set. */
  private long version = 1;

  private final List<Part> hooks = new ArrayList<>();
  private final List<Waiter> waiters = new ArrayList<>();

  LiveFilters(List<RequestFilter> filters) {
    this.filters = filters;
  }

  /** Who waits for a version to be in force. */
  private record Waiter(long version, CompletableFuture<Void> done) {}

  /**
   * Replaces all filters; without one the plugin is asked about nothing. Returns once they are in
   * force: no later request sees the old ones. Of several calls at the same time the last counts,
   * and all return when its filters are in force. While the plugin does not run it returns at once.
   *
   * @param filters the filters
   * @throws RpcException when the daemon refuses a filter ({@code FIELD_INVALID}), which ends the
   *     plugin; or what else ended it meanwhile. The filters stay set: replace refused ones before
   *     the plugin is run again
   */
  public void set(Iterable<Filter> filters) {
    Transport.await(setAsync(filters));
  }

  /**
   * As {@link #set}, without waiting.
   *
   * @param filters the filters
   * @return a future of their being in force
   */
  public CompletableFuture<Void> setAsync(Iterable<Filter> filters) {
    Waiter waiter;
    synchronized (this) {
      this.filters = Filter.toWire(filters);
      version++;
      waiter = new Waiter(version, new CompletableFuture<>());
      waiters.add(waiter);
      hooks.forEach(Part::update);
    }
    tellWaiters();
    return waiter.done;
  }

  /** One open hook's part in the filters. */
  final class Part {
    private final Consumer<List<RequestFilter>> sender;

    /** The version that the daemon was sent last. */
    private long sent;

    /** The version that the daemon asks by. Behind while an update is under way: one at a time. */
    private long inForce;

    private Part(Consumer<List<RequestFilter>> sender) {
      this.sender = sender;
    }

    /** The filters to open the hook with; {@link #inForce} says that they are. */
    List<RequestFilter> first() {
      synchronized (LiveFilters.this) {
        sent = version;
        return filters;
      }
    }

    private void update() {
      if (inForce > 0 && sent == inForce && sent < version) {
        sent = version;
        sender.accept(filters);
      }
    }

    /** The daemon has in force what it was sent. */
    void inForce() {
      synchronized (LiveFilters.this) {
        inForce = sent;
        update();
      }
      tellWaiters();
    }

    /** The hook is over; whoever waits for an update of it is told why, if it failed. */
    void ended(PagewireException why) {
      List<Waiter> told = new ArrayList<>();
      synchronized (LiveFilters.this) {
        if (!hooks.remove(this)) {
          return;
        }
        if (why != null) {
          waiters.stream()
              .filter(waiter -> waiter.version > inForce && waiter.version <= sent)
              .forEach(told::add);
          waiters.removeAll(told);
        }
      }
      told.forEach(waiter -> waiter.done.completeExceptionally(why));
      tellWaiters();
    }
  }

  /**
   * A hook takes part from now on, until it has ended.
   *
   * @param sender tells the daemon of new filters, without waiting
   */
  synchronized Part open(Consumer<List<RequestFilter>> sender) {
    Part part = new Part(sender);
    hooks.add(part);
    return part;
  }

  /** Ends the wait of those whose filters all hooks have in force. */
  private void tellWaiters() {
    List<Waiter> told = new ArrayList<>();
    synchronized (this) {
      long everywhere = hooks.stream().mapToLong(part -> part.inForce).min().orElse(version);
      for (Iterator<Waiter> left = waiters.iterator(); left.hasNext(); ) {
        Waiter waiter = left.next();
        if (waiter.version <= everywhere) {
          told.add(waiter);
          left.remove();
        }
      }
    }
    told.forEach(waiter -> waiter.done.complete(null));
  }
}

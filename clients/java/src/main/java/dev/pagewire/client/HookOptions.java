package dev.pagewire.client;

import dev.pagewire.v1.RequestFilter;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * Options that all hooks have. Each method changes the options and returns them.
 *
 * @param <S> the concrete type
 */
public abstract sealed class HookOptions<S extends HookOptions<S>>
    permits ServeOptions, TransformOptions, ResolveOptions {
  private final LiveFilters filters;
  private final boolean hasFilters;

  /** Whether the program has the handle, and may set filters later. */
  private volatile boolean hasLiveFilters;

  private final dev.pagewire.v1.HookOptions.Builder wire = dev.pagewire.v1.HookOptions.newBuilder();

  HookOptions(Filter[] filters) {
    this.filters = new LiveFilters(Filter.toWire(Arrays.asList(filters)));
    this.hasFilters = filters.length > 0;
  }

  abstract S self();

  /**
   * Sets the timeout of one call, including its time in the queue. After it the page gets 504 and
   * the handler is cancelled. Default 5 s; capped by the daemon; unlimited while the daemon is in
   * debug mode.
   *
   * @param timeout the timeout
   * @return the options
   */
  public S callTimeout(Duration timeout) {
    wire.setCallTimeout(ToWire.duration(timeout));
    return self();
  }

  /**
   * Sets how many calls may run at once; up to 1,024 more wait in the daemon. Default 32.
   *
   * @param calls the number
   * @return the options
   */
  public S maxConcurrentCalls(int calls) {
    wire.setMaxConcurrentCalls(calls);
    return self();
  }

  /**
   * Sets what pages get when this plugin is too slow, overloaded or disconnected. Default {@link
   * FailureMode#FAIL}.
   *
   * @param mode the mode
   * @return the options
   */
  public S failureMode(FailureMode mode) {
    wire.setFailureMode(
        mode == FailureMode.SKIP
            ? dev.pagewire.v1.FailureMode.FAILURE_MODE_SKIP
            : dev.pagewire.v1.FailureMode.FAILURE_MODE_FAIL);
    return self();
  }

  /**
   * Sets the request headers that the plugin receives. They become part of the key of cached
   * results. Default none.
   *
   * @param names names in lower case; {@code *} for all
   * @return the options
   */
  public S forwardRequestHeaders(String... names) {
    wire.clearForwardRequestHeaders().addAllForwardRequestHeaders(Arrays.asList(names));
    return self();
  }

  /**
   * {@return a handle that replaces the filters while the plugin runs. It may outlive the plugin: a
   * later plugin with the same options starts with the filters that were set last}
   */
  public LiveFilters liveFilters() {
    hasLiveFilters = true;
    return filters;
  }

  LiveFilters filters() {
    return filters;
  }

  /** Returns whether the hook has a filter, or the program may set one. */
  boolean mayMatch() {
    return hasFilters || hasLiveFilters;
  }

  dev.pagewire.v1.HookOptions toWire() {
    return wire.build();
  }

  /** Creates the message that opens a hook, with the filters that are current at that time. */
  interface OpenMessage<Q> {
    Q with(List<RequestFilter> filters);
  }
}

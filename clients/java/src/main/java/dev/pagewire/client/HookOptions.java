package dev.pagewire.client;

import dev.pagewire.v1.RequestFilter;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * What the options of all hooks have in common. Each method changes the options and returns them.
 *
 * @param <S> the options themselves
 */
public abstract sealed class HookOptions<S extends HookOptions<S>>
    permits ServeOptions, TransformOptions, ResolveOptions {
  private final LiveFilters filters;
  private final dev.pagewire.v1.HookOptions.Builder wire = dev.pagewire.v1.HookOptions.newBuilder();

  HookOptions(Filter[] filters) {
    this.filters = new LiveFilters(Filter.toWire(List.of(filters)));
  }

  abstract S self();

  /**
   * How long one call may take, from when it is due. Default 5 s; capped by the daemon; unlimited
   * while it debugs. Then the page gets 504 and the handler is cancelled.
   *
   * @param timeout the time
   * @return the options
   */
  public S callTimeout(Duration timeout) {
    wire.setCallTimeout(ToWire.duration(timeout));
    return self();
  }

  /**
   * How many calls may run at once; up to 1,024 more wait in the daemon. Default 32.
   *
   * @param calls the number
   * @return the options
   */
  public S maxConcurrentCalls(int calls) {
    wire.setMaxConcurrentCalls(calls);
    return self();
  }

  /**
   * What pages get when this plugin is too slow, overloaded or gone. Default {@link
   * FailureMode#FAIL}: they are told.
   *
   * @param mode what they get
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
   * The request headers to see. Default none. They take part in the key of remembered and cached
   * results.
   *
   * @param names in lower case; {@code *} = all
   * @return the options
   */
  public S forwardRequestHeaders(String... names) {
    wire.clearForwardRequestHeaders().addAllForwardRequestHeaders(Arrays.asList(names));
    return self();
  }

  /**
   * {@return a handle that replaces the filters while the plugin runs; it outlives the plugin, and
   * a later one with the same options begins with what was set last}
   */
  public LiveFilters liveFilters() {
    return filters;
  }

  dev.pagewire.v1.HookOptions toWire() {
    return wire.build();
  }

  /** Makes the options ready to be told: filters are put in when the hook opens. */
  interface Opening<Q> {
    Q with(List<RequestFilter> filters);
  }
}

package dev.pagewire.client;

import dev.pagewire.v1.TransformOpen;
import dev.pagewire.v1.TransformRequest;

/** The responses that a plugin changes, and how its handler is called. */
public final class TransformOptions extends HookOptions<TransformOptions> {
  private final TransformOpen.Builder wire = TransformOpen.newBuilder();

  private TransformOptions(Filter[] filters) {
    super(filters);
  }

  /**
   * Selects the responses that match any of these filters. At least one is required, unless {@link
   * #liveFilters} is called before the plugin runs.
   *
   * @param filters the filters
   * @return the options
   */
  public static TransformOptions of(Filter... filters) {
    return new TransformOptions(filters);
  }

  /**
   * Sets the largest body to change. A larger response is passed on unchanged, and its {@code
   * pagewire-skipped} header names this plugin. Default 1 MiB.
   *
   * @param bytes the size
   * @return the options
   */
  public TransformOptions maxBodyBytes(int bytes) {
    wire.setMaxBodyBytes(bytes);
    return this;
  }

  @Override
  TransformOptions self() {
    return this;
  }

  OpenMessage<TransformRequest> openMessage() {
    TransformOpen open = wire.setOptions(toWire()).build();
    return filters ->
        TransformRequest.newBuilder().setOpen(open.toBuilder().addAllFilters(filters)).build();
  }
}

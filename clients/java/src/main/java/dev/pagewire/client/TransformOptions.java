package dev.pagewire.client;

import dev.pagewire.v1.TransformOpen;
import dev.pagewire.v1.TransformRequest;

/** Which responses a plugin changes, and how it is asked. */
public final class TransformOptions extends HookOptions<TransformOptions> {
  private final TransformOpen.Builder wire = TransformOpen.newBuilder();

  private TransformOptions(Filter[] filters) {
    super(filters);
  }

  /**
   * Is asked about what any of these filters matches. Without one it is asked about nothing, until
   * there are {@link #liveFilters others}.
   *
   * @param filters the filters
   * @return the options
   */
  public static TransformOptions of(Filter... filters) {
    return new TransformOptions(filters);
  }

  /**
   * The largest body to change. A larger response passes this plugin by, and a header of it says
   * so. Default 1 MiB.
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

  Opening<TransformRequest> opening() {
    TransformOpen open = wire.setOptions(toWire()).build();
    return filters ->
        TransformRequest.newBuilder().setOpen(open.toBuilder().addAllFilters(filters)).build();
  }
}

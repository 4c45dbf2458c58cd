package dev.pagewire.client;

import dev.pagewire.v1.ServeOpen;
import dev.pagewire.v1.ServePhase;
import dev.pagewire.v1.ServeRequest;

/** The requests that a plugin serves, and how its handler is called. */
public final class ServeOptions extends HookOptions<ServeOptions> {
  private final ServeOpen.Builder wire = ServeOpen.newBuilder();

  private ServeOptions(Filter[] filters) {
    super(filters);
  }

  /**
   * Selects the requests that match any of these filters. At least one is required, unless {@link
   * #liveFilters} is called before the plugin runs.
   *
   * @param filters the filters
   * @return the options
   */
  public static ServeOptions of(Filter... filters) {
    return new ServeOptions(filters);
  }

  /**
   * Calls the handler after the file system, only for requests that no file answers. By default it
   * is called before.
   *
   * @return the options
   */
  public ServeOptions afterFiles() {
    wire.setPhase(ServePhase.SERVE_PHASE_AFTER_FILES);
    return this;
  }

  /**
   * Calls the handler before all other plugins, as an editor with unsaved buffers needs. By default
   * it is called before the file system, in the configured plugin order.
   *
   * @return the options
   */
  public ServeOptions first() {
    wire.setPhase(ServePhase.SERVE_PHASE_FIRST);
    return this;
  }

  /**
   * Sets the largest request body to receive, at most 16 MiB. A larger one is {@linkplain
   * Request#bodyOmitted omitted}, and reading it throws {@link BodyTooLargeException}. Default 0:
   * no bodies.
   *
   * @param bytes the size
   * @return the options
   */
  public ServeOptions maxRequestBodyBytes(int bytes) {
    wire.setMaxRequestBodyBytes(bytes);
    return this;
  }

  int maxRequestBodyBytes() {
    return wire.getMaxRequestBodyBytes();
  }

  @Override
  ServeOptions self() {
    return this;
  }

  OpenMessage<ServeRequest> openMessage() {
    ServeOpen open = wire.setOptions(toWire()).build();
    return filters ->
        ServeRequest.newBuilder().setOpen(open.toBuilder().addAllFilters(filters)).build();
  }
}

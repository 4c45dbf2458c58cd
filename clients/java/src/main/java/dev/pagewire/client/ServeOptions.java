package dev.pagewire.client;

import dev.pagewire.v1.ServeOpen;
import dev.pagewire.v1.ServePhase;
import dev.pagewire.v1.ServeRequest;

/** What a plugin serves, and how it is asked. */
public final class ServeOptions extends HookOptions<ServeOptions> {
  private final ServeOpen.Builder wire = ServeOpen.newBuilder();

  private ServeOptions(Filter[] filters) {
    super(filters);
  }

  /**
   * Is asked about what any of these filters matches. Without one it is asked about nothing, until
   * there are {@link #liveFilters others}.
   *
   * @param filters the filters
   * @return the options
   */
  public static ServeOptions of(Filter... filters) {
    return new ServeOptions(filters);
  }

  /**
   * Is asked only when no file answers. Default: ahead of the file system.
   *
   * @return the options
   */
  public ServeOptions afterFiles() {
    wire.setPhase(ServePhase.SERVE_PHASE_AFTER_FILES);
    return this;
  }

  /**
   * Is asked ahead of every plugin, as an editor with unsaved buffers needs. Default: ahead of the
   * file system, in the order that the daemon's configuration gives.
   *
   * @return the options
   */
  public ServeOptions first() {
    wire.setPhase(ServePhase.SERVE_PHASE_FIRST);
    return this;
  }

  /**
   * The largest request body to see, 16 MiB at most. Of a larger one a handler sees that it was
   * {@link Request#bodyOmitted left out}. Default 0: none.
   *
   * @param bytes the size
   * @return the options
   */
  public ServeOptions maxRequestBodyBytes(int bytes) {
    wire.setMaxRequestBodyBytes(bytes);
    return this;
  }

  @Override
  ServeOptions self() {
    return this;
  }

  Opening<ServeRequest> opening() {
    ServeOpen open = wire.setOptions(toWire()).build();
    return filters ->
        ServeRequest.newBuilder().setOpen(open.toBuilder().addAllFilters(filters)).build();
  }
}

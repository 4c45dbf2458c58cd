package dev.pagewire.client;

import java.util.Optional;

/**
 * Uncaught error in a page.
 *
 * @param socketId the page's socket
 * @param exception the error
 * @param kind the kind of error
 * @param failedResource the plugin's failure because of which a resource did not load; empty for
 *     errors of other kinds, and if the daemon knows of none
 */
public record PageError(
    String socketId, JsException exception, Kind kind, Optional<FailedResource> failedResource)
    implements Event.What {
  /**
   * Creates an error without a failed resource.
   *
   * @param socketId the page's socket
   * @param exception the error
   * @param kind the kind of error
   * @deprecated Pass the failed resource too.
   */
  @Deprecated
  public PageError(String socketId, JsException exception, Kind kind) {
    this(socketId, exception, kind, Optional.empty());
  }

  /** Kind of page error. */
  public enum Kind {
    /** A kind that this version does not know. */
    UNKNOWN,
    /** An uncaught exception. */
    UNCAUGHT,
    /** A rejected promise without a handler. */
    UNHANDLED_REJECTION,
    /** A script, stylesheet, image or other resource that failed to load. */
    RESOURCE,
    /** A violation of the content security policy. */
    CSP
  }
}

package dev.pagewire.client;

/**
 * Uncaught error in a page.
 *
 * @param socketId the page's socket
 * @param exception the error
 * @param kind the kind of error
 */
public record PageError(String socketId, JsException exception, Kind kind) implements Event.What {
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

package dev.pagewire.client;

/**
 * Something failed in a page and no code of the page took it.
 *
 * @param socketId the page's socket
 * @param exception what failed
 * @param kind how it failed
 */
public record PageError(String socketId, JsException exception, Kind kind) implements Event.What {
  /** Ways a page can fail. */
  public enum Kind {
    /** Not known. */
    UNKNOWN,
    /** An exception that nothing caught. */
    UNCAUGHT,
    /** A rejected promise that nothing handled. */
    UNHANDLED_REJECTION,
    /** A script, stylesheet, image or other resource did not load. */
    RESOURCE,
    /** The content security policy blocked something. */
    CSP
  }
}

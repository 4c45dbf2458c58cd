package dev.pagewire.client;

import java.util.Optional;

/**
 * Why an import has no value in a page.
 *
 * @param kind the kind of error
 * @param exception the exception, for {@code THROWN} and {@code LOAD}
 * @param status why the page did not answer, for the other kinds
 */
public record ImportError(
    Kind kind, Optional<JsException> exception, Optional<DeliveryStatus> status) {
  /** Kind of import error. */
  public enum Kind {
    /** The default export threw an exception, or its value could not be serialized. */
    THROWN,
    /** The module could not be loaded. */
    LOAD,
    /** The page did not answer in time. */
    TIMEOUT,
    /** The page disconnected, never existed, or could not be sent to. */
    PAGE_GONE,
    /** The page's script is too old, or the page never completed the handshake. */
    UNSUPPORTED
  }

  static ImportError thrown(JsException exception) {
    Kind kind = exception.phase() == JsException.Phase.LOAD ? Kind.LOAD : Kind.THROWN;
    return new ImportError(kind, Optional.of(exception), Optional.empty());
  }

  static ImportError unanswered(DeliveryStatus status) {
    Kind kind =
        switch (status) {
          case TIMED_OUT -> Kind.TIMEOUT;
          case UNSUPPORTED -> Kind.UNSUPPORTED;
          default -> Kind.PAGE_GONE;
        };
    return new ImportError(kind, Optional.empty(), Optional.of(status));
  }

  /** {@return the error, as text for humans} */
  @Override
  public String toString() {
    return exception
        .map(JsException::toString)
        .orElseGet(() -> "the page did not answer: " + status.orElseThrow().words());
  }
}

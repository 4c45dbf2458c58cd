package dev.pagewire.client;

import java.util.Optional;

/**
 * Why a page has no value to show for an import.
 *
 * @param kind what went wrong
 * @param exception what was thrown, with {@code THROWN} and {@code LOAD}
 * @param status why the page did not answer, with the other kinds
 */
public record ImportError(
    Kind kind, Optional<JsException> exception, Optional<DeliveryStatus> status) {
  /** Ways an import can fail in a page. */
  public enum Kind {
    /** The default export threw, or its value could not be sent. */
    THROWN,
    /** The module could not be loaded. */
    LOAD,
    /** The page did not answer in time. */
    TIMEOUT,
    /** The page has left, never was, or could not be sent to. */
    PAGE_GONE,
    /** The page's script is too old, or never said hello. */
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

  /** {@return the error, for people} */
  @Override
  public String toString() {
    return exception
        .map(JsException::toString)
        .orElseGet(() -> "the page did not answer: " + status.orElseThrow().words());
  }
}

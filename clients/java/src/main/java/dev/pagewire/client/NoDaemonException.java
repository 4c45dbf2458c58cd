package dev.pagewire.client;

/** No endpoint was named, and discovery found no running daemon. */
public final class NoDaemonException extends PagewireException {
  private static final long serialVersionUID = 1;

  NoDaemonException(String problem) {
    super(
        "no running daemon found"
            + (problem == null ? "" : ": " + problem)
            + " (start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT to the control address"
            + " that it prints when it is ready)");
  }
}

package dev.pagewire.client;

/** Nothing names a daemon, and none runs. */
public final class NoDaemonException extends PagewireException {
  private static final long serialVersionUID = 1;

  NoDaemonException(String problem) {
    super(
        "no daemon runs here"
            + (problem == null ? "" : ": " + problem)
            + " (start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT to the control address"
            + " that its ready line names)");
  }
}

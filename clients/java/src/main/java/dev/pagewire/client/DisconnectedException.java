package dev.pagewire.client;

/** The connection was lost during a call; whether the call took effect is unknown. */
public final class DisconnectedException extends PagewireException {
  private static final long serialVersionUID = 1;

  /** The cause, without the advice in the message. */
  private final String problem;

  DisconnectedException(String problem) {
    super(
        "lost the connection to the daemon: "
            + problem
            + " (see the daemon's log; connect again once it runs)");
    this.problem = problem;
  }

  String problem() {
    return problem;
  }
}

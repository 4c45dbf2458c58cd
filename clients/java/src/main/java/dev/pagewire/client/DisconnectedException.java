package dev.pagewire.client;

/** The connection broke during a call, whose effect is therefore unknown. */
public final class DisconnectedException extends PagewireException {
  private static final long serialVersionUID = 1;

  /** The cause. */
  private final String problem;

  DisconnectedException(String problem) {
    super(
        "lost the connection to the daemon: "
            + problem
            + " (see its log; connect again once it runs)");
    this.problem = problem;
  }

  String problem() {
    return problem;
  }
}

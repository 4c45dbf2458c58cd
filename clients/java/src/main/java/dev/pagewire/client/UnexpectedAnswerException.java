package dev.pagewire.client;

/** The daemon sent something that the contract does not allow at this point. */
public final class UnexpectedAnswerException extends PagewireException {
  private static final long serialVersionUID = 1;

  UnexpectedAnswerException(String what) {
    super(
        "unexpected response from the daemon: "
            + what
            + " (check that the daemon's version matches this library's)");
  }
}

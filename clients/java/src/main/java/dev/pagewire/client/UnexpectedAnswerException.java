package dev.pagewire.client;

/** The daemon said something that the contract does not allow here. */
public final class UnexpectedAnswerException extends PagewireException {
  private static final long serialVersionUID = 1;

  UnexpectedAnswerException(String what) {
    super("unexpected answer of the daemon: " + what + " (do its version and this library's fit?)");
  }
}

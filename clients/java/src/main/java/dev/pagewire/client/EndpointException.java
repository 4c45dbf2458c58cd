package dev.pagewire.client;

/** A text is not a valid endpoint, or the environment does not name one. */
public final class EndpointException extends PagewireException {
  private static final long serialVersionUID = 1;

  /** The invalid text, or the name of the variable that is not set. */
  private final String value;

  EndpointException(String value, String problem) {
    super("endpoint `" + value + "` " + problem);
    this.value = value;
  }

  /** {@return the invalid text, or the name of the variable that is not set} */
  public String value() {
    return value;
  }
}

package dev.pagewire.client;

/** A text is no endpoint, or the environment names none. */
public final class EndpointException extends PagewireException {
  private static final long serialVersionUID = 1;

  /** The text. */
  private final String value;

  EndpointException(String value, String problem) {
    super("endpoint `" + value + "` " + problem);
    this.value = value;
  }

  /** {@return the text, or the variable that should hold it} */
  public String value() {
    return value;
  }
}

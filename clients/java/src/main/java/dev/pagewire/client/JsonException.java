package dev.pagewire.client;

/** A value could not be converted to JSON, or JSON to a value. */
public final class JsonException extends PagewireException {
  private static final long serialVersionUID = 1;

  JsonException(String problem) {
    super("json: " + problem);
  }

  JsonException(String problem, Throwable cause) {
    super("json: " + problem, cause);
  }
}

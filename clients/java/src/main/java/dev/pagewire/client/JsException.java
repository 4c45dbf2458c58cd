package dev.pagewire.client;

/**
 * JavaScript exception thrown in a page.
 *
 * @param phase the phase of an awaited import that failed
 * @param name the error's {@code name}; empty if the thrown value is not an {@code Error}
 * @param message the error's {@code message}, or the thrown value as text
 * @param stack the error's {@code stack}, in the browser's own format; may be empty
 * @param url the script that threw; empty if unknown
 * @param line line in the script, from 1; 0 if unknown
 * @param column column in the line, from 1; 0 if unknown
 * @param thrownJson the thrown value as JSON text, if it is not an {@code Error} and can be
 *     serialized; else empty
 */
public record JsException(
    Phase phase,
    String name,
    String message,
    String stack,
    String url,
    int line,
    int column,
    String thrownJson) {
  /** Phase of an awaited import. */
  public enum Phase {
    /** The exception was not thrown by an awaited import. */
    NONE,
    /** Fetching, parsing, linking or evaluating the module. */
    LOAD,
    /** Calling the default export, or awaiting its promise. */
    CALL,
    /** Serializing the value. */
    SERIALIZE
  }

  /**
   * {@return {@code TypeError: message}, followed by the location if neither message nor stack
   * contains it}
   */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    if (phase == Phase.LOAD) {
      text.append("could not be loaded: ");
    } else if (phase == Phase.SERIALIZE) {
      text.append("its value could not be sent: ");
    }
    String thrown = message.isEmpty() ? thrownJson : message;
    text.append(name).append(name.isEmpty() || thrown.isEmpty() ? "" : ": ").append(thrown);
    String place = line == 0 ? url : url + ":" + line + ":" + column;
    if (!url.isEmpty() && !message.contains(place) && !stack.contains(place)) {
      text.append(" (").append(place).append(')');
    }
    return text.toString();
  }
}

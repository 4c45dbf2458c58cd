package dev.pagewire.client;

/**
 * Something that was thrown in a page.
 *
 * @param phase how far the work had come
 * @param name the error's {@code name}; empty for what is no {@code Error}
 * @param message the error's {@code message}, or what was thrown as text
 * @param stack the error's {@code stack}, in the browser's own format; empty = none
 * @param url the script it was thrown in; empty = unknown
 * @param line line in it, from 1; 0 = unknown
 * @param column column in the line, from 1; 0 = unknown
 * @param thrownJson what was thrown as JSON text, if it is no {@code Error} and has one; else empty
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
  /** The part of an awaited import that failed. */
  public enum Phase {
    /** It was no import. */
    NONE,
    /** Fetching, parsing, linking or evaluating the module. */
    LOAD,
    /** The default export threw, or its promise rejected. */
    CALL,
    /** The value could not be turned into a message. */
    SERIALIZE
  }

  /**
   * {@return {@code TypeError: message}, and where it was thrown if neither that nor the stack says
   * so}
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

package dev.pagewire.client;

/** A JavaScript value, as it came out of a page. */
public sealed interface JsValue {
  /**
   * A value that is JSON.
   *
   * @param text what {@code JSON.stringify} made of it: verbatim, never cut
   */
  record Plain(String text) implements JsValue {
    @Override
    public String toString() {
      return text;
    }
  }

  /** {@code undefined}, or a module without a default function. */
  record Undefined() implements JsValue {
    @Override
    public String toString() {
      return "undefined";
    }
  }

  /**
   * A number that is no JSON.
   *
   * @param text {@code NaN}, {@code Infinity}, {@code -Infinity}, {@code -0}, or a bigint as {@code
   *     123n}
   */
  record Unserializable(String text) implements JsValue {
    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * Anything else: a DOM node, a function, a cycle.
   *
   * @param text what it is, in words
   */
  record Description(String text) implements JsValue {
    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * A value that is larger than the limit.
   *
   * @param text the beginning of a description
   */
  record Truncated(String text) implements JsValue {
    @Override
    public String toString() {
      return text + "...";
    }
  }

  /**
   * The value as a Java one. {@code undefined} reads as null.
   *
   * @param <T> the type
   * @param type the class, as {@link Json} reads it
   * @return the value
   * @throws JsonException when it is no JSON value, or not of the type
   */
  default <T> T json(Class<T> type) {
    if (this instanceof Plain plain) {
      return Json.read(plain.text, type);
    }
    if (this instanceof Undefined) {
      return Json.read("null", type);
    }
    throw new JsonException(
        "not a json value: " + this + " (have the page return something JSON.stringify keeps)");
  }

  /**
   * {@return the value as a console would show it: JSON as it is, {@code undefined}, {@code NaN}}
   */
  @Override
  String toString();
}

package dev.pagewire.client;

/** JavaScript value returned by a page. */
public sealed interface JsValue {
  /**
   * Value that JSON can represent.
   *
   * @param text the output of {@code JSON.stringify}, verbatim and complete
   */
  record Plain(String text) implements JsValue {
    @Override
    public String toString() {
      return text;
    }
  }

  /** The value {@code undefined}, or a module without a default function. */
  record Undefined() implements JsValue {
    @Override
    public String toString() {
      return "undefined";
    }
  }

  /**
   * Number that JSON cannot represent.
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
   * Any other value, such as a DOM node, a function or a cyclic object.
   *
   * @param text a description of the value
   */
  record Description(String text) implements JsValue {
    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * Value that exceeds the size limit.
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
   * Converts the value to a Java object. {@code undefined} becomes null.
   *
   * @param <T> the type
   * @param type a class that {@link Json} can read
   * @return the object
   * @throws JsonException when the value cannot be represented in JSON, or does not fit the type
   */
  default <T> T json(Class<T> type) {
    if (this instanceof Plain plain) {
      return Json.read(plain.text, type);
    }
    if (this instanceof Undefined) {
      return Json.read("null", type);
    }
    throw new JsonException(
        "not a json value: "
            + this
            + " (make the page return a value that JSON.stringify preserves)");
  }

  /** {@return the value as a console would show it: JSON text, {@code undefined}, {@code NaN}} */
  @Override
  String toString();
}

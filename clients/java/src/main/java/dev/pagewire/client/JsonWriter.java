package dev.pagewire.client;

import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;

/** JSON serializer. */
final class JsonWriter {
  /** Maximum nesting depth; anything deeper is assumed to be a cycle. */
  private static final int MAX_DEPTH = 500;

  private final StringBuilder out = new StringBuilder(64);

  /** Keys and indexes of the value that is being written, outermost first. */
  private final Deque<Object> path = new ArrayDeque<>();

  private JsonWriter() {}

  static String write(Object value) {
    JsonWriter writer = new JsonWriter();
    writer.value(value, 0);
    return writer.out.toString();
  }

  private void value(Object value, int depth) {
    if (depth > MAX_DEPTH) {
      throw new JsonException(
          "nested deeper than " + MAX_DEPTH + " levels (does the value contain itself?)");
    }
    if (value == null || value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof CharSequence || value instanceof Character) {
      string(value.toString());
    } else if (value instanceof Number number) {
      number(number);
    } else if (value instanceof Enum<?> constant) {
      string(constant.name());
    } else if (value instanceof Optional<?> optional) {
      value(optional.orElse(null), depth);
    } else if (value instanceof Map<?, ?> map) {
      object(map, depth);
    } else if (value instanceof Iterable<?> values && !(value instanceof Path)) {
      list(values, depth);
    } else if (value.getClass().isArray()) {
      array(value, depth);
    } else if (value instanceof Record structure) {
      recordValue(structure, depth);
    } else {
      throw new JsonException(
          place()
              + "cannot write a "
              + value.getClass().getName()
              + " as json (pass a Map, List, record, String, Number or Boolean, or set a mapper"
              + " with Json.use)");
    }
  }

  /** Returns the place of the value that is being written, such as {@code a.b[2]: }. */
  private String place() {
    StringBuilder place = new StringBuilder();
    for (Object step : path) {
      if (step instanceof Integer) {
        place.append('[').append(step).append(']');
      } else {
        place.append(place.isEmpty() ? "" : ".").append(step);
      }
    }
    return place.isEmpty() ? "" : place + ": ";
  }

  private void number(Number number) {
    if (!Double.isFinite(number.doubleValue())
        && (number instanceof Double || number instanceof Float)) {
      throw new JsonException(place() + number + " cannot be represented in json");
    }
    out.append(number);
  }

  private void object(Map<?, ?> map, int depth) {
    char before = '{';
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      out.append(before);
      Object key = entry.getKey();
      String name = key instanceof Enum<?> constant ? constant.name() : String.valueOf(key);
      string(name);
      out.append(':');
      path.add(name);
      value(entry.getValue(), depth + 1);
      path.removeLast();
      before = ',';
    }
    out.append(before == '{' ? "{}" : "}");
  }

  private void list(Iterable<?> values, int depth) {
    char before = '[';
    int index = 0;
    for (Object value : values) {
      out.append(before);
      path.add(index++);
      value(value, depth + 1);
      path.removeLast();
      before = ',';
    }
    out.append(before == '[' ? "[]" : "]");
  }

  private void array(Object array, int depth) {
    out.append('[');
    for (int i = 0; i < Array.getLength(array); i++) {
      if (i > 0) {
        out.append(',');
      }
      path.add(i);
      value(Array.get(array, i), depth + 1);
      path.removeLast();
    }
    out.append(']');
  }

  private void recordValue(Record structure, int depth) {
    char before = '{';
    for (RecordComponent component : structure.getClass().getRecordComponents()) {
      out.append(before);
      string(component.getName());
      out.append(':');
      path.add(component.getName());
      value(component(structure, component), depth + 1);
      path.removeLast();
      before = ',';
    }
    out.append(before == '{' ? "{}" : "}");
  }

  private static Object component(Record structure, RecordComponent component) {
    try {
      Method accessor = component.getAccessor();
      accessor.setAccessible(true);
      return accessor.invoke(structure);
    } catch (ReflectiveOperationException | RuntimeException problem) {
      throw new JsonException(
          "cannot read a component of " + structure.getClass().getName(), problem);
    }
  }

  private void string(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char letter = text.charAt(i);
      if (letter == '"' || letter == '\\') {
        out.append('\\').append(letter);
      } else if (letter < ' ' || isLone(text, i)) {
        out.append(String.format("\\u%04x", (int) letter));
      } else {
        out.append(letter);
      }
    }
    out.append('"');
  }

  /** Returns whether the character is half of a surrogate pair, which UTF-8 cannot encode. */
  private static boolean isLone(String text, int index) {
    char letter = text.charAt(index);
    if (Character.isHighSurrogate(letter)) {
      return index + 1 == text.length() || !Character.isLowSurrogate(text.charAt(index + 1));
    }
    return Character.isLowSurrogate(letter)
        && (index == 0 || !Character.isHighSurrogate(text.charAt(index - 1)));
  }
}

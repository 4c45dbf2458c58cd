package dev.pagewire.client;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON parser that produces maps, lists, strings, numbers, booleans and null. */
final class JsonReader {
  /**
   * Maximum nesting depth; deeper text is refused, so that a page's message cannot overflow the
   * stack.
   */
  private static final int MAX_DEPTH = 500;

  private final String text;
  private int position;

  JsonReader(String text) {
    this.text = text;
  }

  Object read() {
    Object value = value(0);
    skipSpace();
    if (position < text.length()) {
      throw unexpected("the end");
    }
    return value;
  }

  private Object value(int depth) {
    if (depth > MAX_DEPTH) {
      throw new JsonException("nested deeper than " + MAX_DEPTH + " levels");
    }
    skipSpace();
    switch (position < text.length() ? text.charAt(position) : ' ') {
      case '{':
        return object(depth);
      case '[':
        return list(depth);
      case '"':
        return string();
      case 't':
        return literal("true", Boolean.TRUE);
      case 'f':
        return literal("false", Boolean.FALSE);
      case 'n':
        return literal("null", null);
      default:
        return number();
    }
  }

  private Map<String, Object> object(int depth) {
    Map<String, Object> object = new LinkedHashMap<>();
    position++;
    if (skip('}')) {
      return object;
    }
    do {
      skipSpace();
      if (position >= text.length() || text.charAt(position) != '"') {
        throw unexpected("a key");
      }
      String key = string();
      expect(':');
      object.put(key, value(depth + 1));
    } while (skip(','));
    expect('}');
    return object;
  }

  private List<Object> list(int depth) {
    List<Object> list = new ArrayList<>();
    position++;
    if (skip(']')) {
      return list;
    }
    do {
      list.add(value(depth + 1));
    } while (skip(','));
    expect(']');
    return list;
  }

  private String string() {
    int start = ++position;
    while (position < text.length()) {
      char letter = text.charAt(position);
      if (letter == '"') {
        return text.substring(start, position++);
      }
      if (letter == '\\') {
        return escaped(start);
      }
      if (letter < ' ') {
        throw unexpected("no control character");
      }
      position++;
    }
    throw unexpected("the end of a string");
  }

  /** Parses the rest of a string from its first escape on. */
  private String escaped(int start) {
    StringBuilder string = new StringBuilder(text.substring(start, position));
    while (position < text.length()) {
      char letter = text.charAt(position++);
      if (letter == '"') {
        return string.toString();
      }
      if (letter < ' ') {
        position--;
        throw unexpected("no control character");
      }
      string.append(letter == '\\' ? escape() : letter);
    }
    throw unexpected("the end of a string");
  }

  private char escape() {
    char letter = position < text.length() ? text.charAt(position++) : ' ';
    switch (letter) {
      case '"', '\\', '/':
        return letter;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        return unicode();
      default:
        position--;
        throw unexpected("an escape");
    }
  }

  private char unicode() {
    int code = 0;
    for (int i = 0; i < 4; i++) {
      int digit = position < text.length() ? Character.digit(text.charAt(position), 16) : -1;
      if (digit < 0 || text.charAt(position) > 'f') {
        throw unexpected("a hexadecimal digit");
      }
      code = code * 16 + digit;
      position++;
    }
    return (char) code;
  }

  private Object literal(String literal, Object value) {
    if (!text.startsWith(literal, position)) {
      throw unexpected("a value");
    }
    position += literal.length();
    return value;
  }

  private Number number() {
    int start = position;
    boolean isInteger = true;
    if (position < text.length() && text.charAt(position) == '-') {
      position++;
    }
    int first = position;
    digits(start);
    if (position - first > 1 && text.charAt(first) == '0') {
      position = first + 1;
      throw unexpected("no digit after a leading 0");
    }
    if (position < text.length() && text.charAt(position) == '.') {
      isInteger = false;
      position++;
      digits(start);
    }
    if (position < text.length()
        && (text.charAt(position) == 'e' || text.charAt(position) == 'E')) {
      isInteger = false;
      position++;
      if (position < text.length()
          && (text.charAt(position) == '+' || text.charAt(position) == '-')) {
        position++;
      }
      digits(start);
    }
    String digits = text.substring(start, position);
    if (!isInteger) {
      double number = Double.parseDouble(digits);
      return Double.isInfinite(number) ? new BigDecimal(digits) : (Number) number;
    }
    // 18 digits always fit into a long.
    if (digits.length() <= 18) {
      return Long.parseLong(digits);
    }
    BigInteger number = new BigInteger(digits);
    return number.bitLength() < Long.SIZE ? (Number) number.longValue() : number;
  }

  private void digits(int start) {
    int first = position;
    while (position < text.length()
        && text.charAt(position) >= '0'
        && text.charAt(position) <= '9') {
      position++;
    }
    if (position == first) {
      throw unexpected(position == start ? "a value" : "a digit");
    }
  }

  private void skipSpace() {
    while (position < text.length() && " \t\n\r".indexOf(text.charAt(position)) >= 0) {
      position++;
    }
  }

  private boolean skip(char letter) {
    skipSpace();
    boolean found = position < text.length() && text.charAt(position) == letter;
    if (found) {
      position++;
    }
    return found;
  }

  private void expect(char letter) {
    if (!skip(letter)) {
      throw unexpected("`" + letter + "`");
    }
  }

  private JsonException unexpected(String expected) {
    String found = position < text.length() ? "`" + text.charAt(position) + "`" : "the end";
    return new JsonException(
        "expected " + expected + " at character " + position + ", not " + found);
  }
}

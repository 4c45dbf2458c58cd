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
  private int at;

  JsonReader(String text) {
    this.text = text;
  }

  Object read() {
    Object value = value(0);
    skipSpace();
    if (at < text.length()) {
      throw unexpected("the end");
    }
    return value;
  }

  private Object value(int depth) {
    if (depth > MAX_DEPTH) {
      throw new JsonException("nested deeper than " + MAX_DEPTH + " levels");
    }
    skipSpace();
    switch (at < text.length() ? text.charAt(at) : ' ') {
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
    at++;
    if (skip('}')) {
      return object;
    }
    do {
      skipSpace();
      if (at >= text.length() || text.charAt(at) != '"') {
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
    at++;
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
    int start = ++at;
    while (at < text.length()) {
      char letter = text.charAt(at);
      if (letter == '"') {
        return text.substring(start, at++);
      }
      if (letter == '\\') {
        return escaped(start);
      }
      if (letter < ' ') {
        throw unexpected("no control character");
      }
      at++;
    }
    throw unexpected("the end of a string");
  }

  /** Parses the rest of a string from its first escape on. */
  private String escaped(int start) {
    StringBuilder string = new StringBuilder(text.substring(start, at));
    while (at < text.length()) {
      char letter = text.charAt(at++);
      if (letter == '"') {
        return string.toString();
      }
      if (letter < ' ') {
        at--;
        throw unexpected("no control character");
      }
      string.append(letter == '\\' ? escape() : letter);
    }
    throw unexpected("the end of a string");
  }

  private char escape() {
    char letter = at < text.length() ? text.charAt(at++) : ' ';
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
        at--;
        throw unexpected("an escape");
    }
  }

  private char unicode() {
    int code = 0;
    for (int i = 0; i < 4; i++) {
      int digit = at < text.length() ? Character.digit(text.charAt(at), 16) : -1;
      if (digit < 0 || text.charAt(at) > 'f') {
        throw unexpected("a hexadecimal digit");
      }
      code = code * 16 + digit;
      at++;
    }
    return (char) code;
  }

  private Object literal(String literal, Object value) {
    if (!text.startsWith(literal, at)) {
      throw unexpected("a value");
    }
    at += literal.length();
    return value;
  }

  private Number number() {
    int start = at;
    boolean isInteger = true;
    if (at < text.length() && text.charAt(at) == '-') {
      at++;
    }
    int first = at;
    digits(start);
    if (at - first > 1 && text.charAt(first) == '0') {
      at = first + 1;
      throw unexpected("no digit after a leading 0");
    }
    if (at < text.length() && text.charAt(at) == '.') {
      isInteger = false;
      at++;
      digits(start);
    }
    if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
      isInteger = false;
      at++;
      if (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
        at++;
      }
      digits(start);
    }
    String digits = text.substring(start, at);
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
    int first = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    if (at == first) {
      throw unexpected(at == start ? "a value" : "a digit");
    }
  }

  private void skipSpace() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private boolean skip(char letter) {
    skipSpace();
    boolean found = at < text.length() && text.charAt(at) == letter;
    if (found) {
      at++;
    }
    return found;
  }

  private void expect(char letter) {
    if (!skip(letter)) {
      throw unexpected("`" + letter + "`");
    }
  }

  private JsonException unexpected(String expected) {
    String found = at < text.length() ? "`" + text.charAt(at) + "`" : "the end";
    return new JsonException("expected " + expected + " at character " + at + ", not " + found);
  }
}

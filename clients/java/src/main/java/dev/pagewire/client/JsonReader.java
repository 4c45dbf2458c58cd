package dev.pagewire.client;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads JSON text as maps, lists and the like. */
final class JsonReader {
  /**
   * Containers within containers; deeper text is refused, so that no page can overflow the stack.
   */
  private static final int MAX_DEPTH = 500;

  private final String text;
  private int at;

  JsonReader(String text) {
    this.text = text;
  }

  Object read() {
    Object value = value(0);
    space();
    if (at < text.length()) {
      throw wrong("the end");
    }
    return value;
  }

  private Object value(int depth) {
    if (depth > MAX_DEPTH) {
      throw new JsonException("more than " + MAX_DEPTH + " containers within each other");
    }
    space();
    switch (at < text.length() ? text.charAt(at) : ' ') {
      case '{':
        return object(depth);
      case '[':
        return list(depth);
      case '"':
        return string();
      case 't':
        return word("true", Boolean.TRUE);
      case 'f':
        return word("false", Boolean.FALSE);
      case 'n':
        return word("null", null);
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
      space();
      if (at >= text.length() || text.charAt(at) != '"') {
        throw wrong("a key");
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
        throw wrong("no control character");
      }
      at++;
    }
    throw wrong("the end of a string");
  }

  /** A string that has escapes. */
  private String escaped(int start) {
    StringBuilder string = new StringBuilder(text.substring(start, at));
    while (at < text.length()) {
      char letter = text.charAt(at++);
      if (letter == '"') {
        return string.toString();
      }
      if (letter < ' ') {
        at--;
        throw wrong("no control character");
      }
      string.append(letter == '\\' ? escape() : letter);
    }
    throw wrong("the end of a string");
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
        throw wrong("an escape");
    }
  }

  private char unicode() {
    int code = 0;
    for (int i = 0; i < 4; i++) {
      int digit = at < text.length() ? Character.digit(text.charAt(at), 16) : -1;
      if (digit < 0 || text.charAt(at) > 'f') {
        throw wrong("a hexadecimal digit");
      }
      code = code * 16 + digit;
      at++;
    }
    return (char) code;
  }

  private Object word(String word, Object value) {
    if (!text.startsWith(word, at)) {
      throw wrong("a value");
    }
    at += word.length();
    return value;
  }

  private Number number() {
    int start = at;
    boolean whole = true;
    if (at < text.length() && text.charAt(at) == '-') {
      at++;
    }
    int first = at;
    digits(start);
    if (at - first > 1 && text.charAt(first) == '0') {
      at = first + 1;
      throw wrong("no digit after a leading 0");
    }
    if (at < text.length() && text.charAt(at) == '.') {
      whole = false;
      at++;
      digits(start);
    }
    if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
      whole = false;
      at++;
      if (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
        at++;
      }
      digits(start);
    }
    String digits = text.substring(start, at);
    if (!whole) {
      double number = Double.parseDouble(digits);
      return Double.isInfinite(number) ? new BigDecimal(digits) : (Number) number;
    }
    // 18 digits always fit.
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
      throw wrong(at == start ? "a value" : "a digit");
    }
  }

  private void space() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private boolean skip(char letter) {
    space();
    boolean found = at < text.length() && text.charAt(at) == letter;
    if (found) {
      at++;
    }
    return found;
  }

  private void expect(char letter) {
    if (!skip(letter)) {
      throw wrong("`" + letter + "`");
    }
  }

  private JsonException wrong(String expected) {
    String found = at < text.length() ? "`" + text.charAt(at) + "`" : "the end";
    return new JsonException("expected " + expected + " at character " + at + ", not " + found);
  }
}

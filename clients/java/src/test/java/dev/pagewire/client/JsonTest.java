package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  private enum Level {
    LOW,
    HIGH
  }

  private record Point(int x, double y) {}

  private record Shape(
      String name, Level level, List<Point> points, Map<String, Long> of, Optional<String> note) {}

  @Test
  void writesBuiltInTypesAndRecords() {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("a", Arrays.asList(null, true, 1, 2.5, new BigInteger("12345678901234567890")));
    value.put("b\n\"\u2028", new int[] {1, 2});
    value.put(
        "c", new Shape("s", Level.HIGH, List.of(new Point(1, 2)), Map.of(), Optional.empty()));
    value.put("d", Map.of());
    assertEquals(
        "{\"a\":[null,true,1,2.5,12345678901234567890],\"b\\u000a\\\"\u2028\":[1,2],"
            + "\"c\":{\"name\":\"s\",\"level\":\"HIGH\",\"points\":[{\"x\":1,\"y\":2.0}],"
            + "\"of\":{},\"note\":null},\"d\":{}}",
        Json.write(value));
  }

  @Test
  void escapesLoneSurrogates() {
    assertEquals("\"\\ud83d\"", Json.write("\ud83d"));
    assertEquals("\"\ud83d\ude00\"", Json.write("\ud83d\ude00"));
  }

  @Test
  void refusesValuesWithoutAJsonForm() {
    String message = assertThrows(JsonException.class, () -> Json.write(new Thread())).getMessage();
    assertTrue(message.contains("java.lang.Thread"), message);
    assertThrows(JsonException.class, () -> Json.write(Double.NaN));
    List<Object> cycle = new ArrayList<>();
    cycle.add(cycle);
    assertThrows(JsonException.class, () -> Json.write(cycle));
  }

  @Test
  void anErrorNamesTheValue() {
    String missing =
        assertThrows(JsonException.class, () -> Json.read("{\"y\":1}", Point.class)).getMessage();
    assertEquals("json: x is missing", missing);
    Object value = Map.of("files", List.of("a", Path.of("/srv/a")));
    String message = assertThrows(JsonException.class, () -> Json.write(value)).getMessage();
    assertTrue(message.startsWith("json: files[1]: cannot write a sun.nio.fs."), message);
  }

  @Test
  void readsMapsListsAndNumbers() {
    Object read =
        Json.read(
            " {\"a\":[1,-2,9007199254740993,12345678901234567890,1.5e2,1e999],\"b\":null,\"b\":\"\\u00fc\\n"
                + "\"} ",
            Object.class);
    Map<String, Object> expected = new LinkedHashMap<>();
    expected.put(
        "a",
        List.of(
            1L,
            -2L,
            9007199254740993L,
            new BigInteger("12345678901234567890"),
            150.0,
            new BigDecimal("1e999")));
    expected.put("b", "\u00fc\n");
    assertEquals(expected, read);
    assertNull(Json.read("null", Map.class));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[1,]",
        "{\"a\"}",
        "01",
        "1.",
        "-",
        "nul",
        "\"a",
        "\"\\x\"",
        "[1] 2",
        "{a:1}",
        "\"\n\"",
        "+1",
        "'a'",
        "\"\\u12g4\"",
        "tru"
      })
  void refusesInvalidJson(String text) {
    assertThrows(JsonException.class, () -> Json.read(text, Object.class));
  }

  @Test
  void deepNestingDoesNotOverflowTheStack() {
    String deep = "[".repeat(1_000_000);
    assertThrows(JsonException.class, () -> Json.read(deep, Object.class));
  }

  @Test
  void readsNestedRecords() {
    Shape shape =
        Json.read(
            "{\"name\":\"s\",\"level\":\"LOW\",\"points\":[{\"x\":1.0,\"y\":2}],\"of\":{\"k\":3},\"more\":1}",
            Shape.class);
    assertEquals(
        new Shape("s", Level.LOW, List.of(new Point(1, 2)), Map.of("k", 3L), Optional.empty()),
        shape);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"y\":1}",
        "{\"x\":1.5,\"y\":1}",
        "{\"x\":\"1\",\"y\":1}",
        "[]",
        "{\"x\":4294967296,\"y\":1}"
      })
  void refusesJsonThatDoesNotFitTheType(String text) {
    assertThrows(JsonException.class, () -> Json.read(text, Point.class));
  }
}

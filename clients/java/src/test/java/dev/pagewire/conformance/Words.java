package dev.pagewire.conformance;

import dev.pagewire.client.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An object of a command. */
final class Words {
  private final Map<String, Object> words;

  @SuppressWarnings("unchecked") // The keys of JSON are strings.
  Words(String json) {
    this((Map<String, Object>) Json.read(json, Map.class));
  }

  Words(Map<String, Object> words) {
    this.words = words;
  }

  Map<String, Object> map() {
    return words;
  }

  boolean has(String name) {
    return words.get(name) != null;
  }

  Object value(String name) {
    return words.get(name);
  }

  String text(String name) {
    return (String) words.getOrDefault(name, "");
  }

  Optional<String> maybe(String name) {
    return Optional.ofNullable((String) words.get(name));
  }

  boolean is(String name) {
    return Boolean.TRUE.equals(words.get(name));
  }

  Optional<Integer> number(String name) {
    return Optional.ofNullable((Number) words.get(name)).map(Number::intValue);
  }

  Optional<Duration> milliseconds(String name) {
    return number(name).map(Duration::ofMillis);
  }

  List<?> list(String name) {
    return (List<?>) words.getOrDefault(name, List.of());
  }

  List<String> texts(String name) {
    return list(name).stream().map(String.class::cast).toList();
  }

  String[] array(String name) {
    return texts(name).toArray(String[]::new);
  }

  @SuppressWarnings("unchecked") // The keys of JSON are strings.
  Words words(String name) {
    return new Words((Map<String, Object>) words.getOrDefault(name, Map.of()));
  }

  @SuppressWarnings("unchecked") // The keys of JSON are strings.
  List<Words> all(String name) {
    return list(name).stream().map(one -> new Words((Map<String, Object>) one)).toList();
  }
}

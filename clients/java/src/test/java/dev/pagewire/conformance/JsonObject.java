package dev.pagewire.conformance;

import dev.pagewire.client.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** JSON object with typed access to its members. */
final class JsonObject {
  private final Map<String, Object> members;

  @SuppressWarnings("unchecked") // The keys of JSON are strings.
  JsonObject(String json) {
    this((Map<String, Object>) Json.read(json, Map.class));
  }

  JsonObject(Map<String, Object> members) {
    this.members = members;
  }

  Map<String, Object> map() {
    return members;
  }

  boolean has(String name) {
    return members.get(name) != null;
  }

  Object value(String name) {
    return members.get(name);
  }

  String text(String name) {
    return (String) members.getOrDefault(name, "");
  }

  Optional<String> optionalText(String name) {
    return Optional.ofNullable((String) members.get(name));
  }

  boolean isTrue(String name) {
    return Boolean.TRUE.equals(members.get(name));
  }

  Optional<Integer> number(String name) {
    return Optional.ofNullable((Number) members.get(name)).map(Number::intValue);
  }

  Optional<Duration> milliseconds(String name) {
    return number(name).map(Duration::ofMillis);
  }

  List<?> list(String name) {
    return (List<?>) members.getOrDefault(name, List.of());
  }

  List<String> strings(String name) {
    return list(name).stream().map(String.class::cast).toList();
  }

  String[] array(String name) {
    return strings(name).toArray(String[]::new);
  }

  @SuppressWarnings("unchecked") // The keys of JSON are strings.
  JsonObject object(String name) {
    return new JsonObject((Map<String, Object>) members.getOrDefault(name, Map.of()));
  }

  @SuppressWarnings("unchecked") // The keys of JSON are strings.
  List<JsonObject> objects(String name) {
    return list(name).stream().map(item -> new JsonObject((Map<String, Object>) item)).toList();
  }
}

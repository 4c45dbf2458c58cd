package dev.pagewire.client;

/**
 * Adapter for the program's own JSON library, in place of the built-in one; see {@link Json#use}.
 * Must be thread-safe. Its exceptions are wrapped in {@link JsonException}.
 */
public interface JsonMapper {
  /**
   * Writes a value as JSON text.
   *
   * @param value any value, including null
   * @return JSON text
   * @throws Exception when the value cannot be written
   */
  String write(Object value) throws Exception;

  /**
   * Reads a value from JSON text.
   *
   * @param <T> the type of the value
   * @param json JSON text
   * @param type the class of the value; {@code Object.class} accepts any JSON
   * @return the value
   * @throws Exception when the text cannot be read as the type
   */
  <T> T read(String json, Class<T> type) throws Exception;
}

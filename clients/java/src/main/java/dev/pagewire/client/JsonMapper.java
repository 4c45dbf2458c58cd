package dev.pagewire.client;

/**
 * A JSON library of the program's own, in place of the built-in one: see {@link Json#use}. It is
 * called from many threads at the same time. An exception of it becomes a {@link JsonException}.
 */
public interface JsonMapper {
  /**
   * Makes JSON text of a value.
   *
   * @param value any value, null too
   * @return JSON text
   * @throws Exception when it cannot
   */
  String write(Object value) throws Exception;

  /**
   * Makes a value of JSON text.
   *
   * @param <T> the type of the value
   * @param json JSON text
   * @param type the class of the value; {@code Object.class} for whatever the text says
   * @return the value
   * @throws Exception when it cannot
   */
  <T> T read(String json, Class<T> type) throws Exception;
}

package dev.pagewire.client;

import java.util.Objects;

/**
 * Conversion between JSON and Java types, used wherever this library reads or writes JSON.
 *
 * <p>Writes {@code null}, {@code Boolean}, {@code Number}, {@code CharSequence}, {@code Enum} (its
 * name), {@code Optional}, {@code Map}, {@code Iterable}, arrays, and records of these. Reads
 * {@code Object} (a {@code Map<String, Object>}, {@code List<Object>}, {@code String}, {@code
 * Boolean} or {@code null}; numbers become {@code Long}, {@code BigInteger} if larger, otherwise
 * {@code Double}), each of these types, the other number types, enums, and records of all these.
 * For other types, install a JSON library with {@link #use}.
 */
public final class Json {
  private static final JsonMapper BUILT_IN =
      new JsonMapper() {
        @Override
        public String write(Object value) {
          return JsonWriter.write(value);
        }

        @Override
        public <T> T read(String json, Class<T> type) {
          return JsonBinding.bind(new JsonReader(json).read(), type);
        }
      };

  private static volatile JsonMapper mapper = BUILT_IN;

  private Json() {}

  /**
   * Replaces the mapper, for the whole process and from now on.
   *
   * @param mapper the mapper, which may wrap Jackson or Gson
   */
  public static void use(JsonMapper mapper) {
    Json.mapper = Objects.requireNonNull(mapper, "mapper");
  }

  /**
   * Writes a value as JSON text.
   *
   * @param value a value, or null
   * @return JSON text
   * @throws JsonException when the value cannot be written as JSON
   */
  public static String write(Object value) {
    try {
      return mapper.write(value);
    } catch (JsonException problem) {
      throw problem;
    } catch (Exception problem) {
      throw new JsonException("cannot write: " + Failure.oneLine(problem), problem);
    }
  }

  /**
   * Reads a value from JSON text.
   *
   * @param <T> the type of the value
   * @param json JSON text
   * @param type the class of the value
   * @return the value; null for JSON's null
   * @throws JsonException when the text is not valid JSON or does not fit the type
   */
  public static <T> T read(String json, Class<T> type) {
    try {
      return mapper.read(json, type);
    } catch (JsonException problem) {
      throw problem;
    } catch (Exception problem) {
      throw new JsonException("cannot read: " + Failure.oneLine(problem), problem);
    }
  }
}

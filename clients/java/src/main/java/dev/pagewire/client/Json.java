package dev.pagewire.client;

import java.util.Objects;

/**
 * JSON and Java's own types. What this library turns into JSON or out of it goes through here.
 *
 * <p>Written are {@code null}, {@code Boolean}, {@code Number}, {@code CharSequence}, {@code Enum}
 * (its name), {@code Optional}, {@code Map}, {@code Iterable}, arrays, and records. Read are {@code
 * Object} (a {@code Map<String, Object>}, a {@code List<Object>}, {@code String}, {@code Boolean},
 * {@code null}; a {@code Long}, or a {@code BigInteger} that is larger, or else a {@code Double}),
 * each of those, the types of numbers, enums and records of all these. For anything else, {@link
 * #use} a library.
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
   * Has all of this process use another mapper from now on.
   *
   * @param mapper the mapper, around Jackson or Gson say
   */
  public static void use(JsonMapper mapper) {
    Json.mapper = Objects.requireNonNull(mapper, "mapper");
  }

  /**
   * Makes JSON text of a value.
   *
   * @param value a value, or null
   * @return JSON text
   * @throws JsonException when it cannot be JSON
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
   * Makes a value of JSON text.
   *
   * @param <T> the type of the value
   * @param json JSON text
   * @param type the class of the value
   * @return the value; null for JSON's null
   * @throws JsonException when it is no JSON, or not of this type
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

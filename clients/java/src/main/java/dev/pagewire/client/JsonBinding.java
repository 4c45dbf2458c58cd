package dev.pagewire.client;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Converts the output of {@link JsonReader} to a given type. */
final class JsonBinding {
  /** Name of the outermost value in error messages. */
  private static final String ROOT = "the value";

  private JsonBinding() {}

  /** Converts a value to the class; null stays null. */
  @SuppressWarnings("unchecked") // `value` returns an instance of the class, boxed if primitive.
  static <T> T bind(Object json, Class<T> type) {
    return (T) value(json, type, ROOT);
  }

  private static Object value(Object json, Type type, String where) {
    if (type instanceof ParameterizedType generic) {
      return generic(json, generic, where);
    }
    if (!(type instanceof Class<?> plain)) {
      throw new JsonException(where + " cannot be a " + type.getTypeName());
    }
    if (plain == Optional.class) {
      return Optional.ofNullable(json);
    }
    if (json == null && !plain.isPrimitive()) {
      return null;
    }
    if (plain.isInstance(json)) {
      return json;
    }
    if (json instanceof Boolean && plain == boolean.class) {
      return json;
    }
    if (json instanceof Number number) {
      return number(number, plain, where);
    }
    if (json instanceof String name && plain.isEnum()) {
      return enumConstant(name, plain, where);
    }
    if (json instanceof Map<?, ?> object && plain.isRecord()) {
      return recordValue(object, plain, where);
    }
    throw mismatch(json, plain.getSimpleName(), where);
  }

  private static Object generic(Object json, ParameterizedType type, String where) {
    Type[] of = type.getActualTypeArguments();
    if (type.getRawType() == Optional.class) {
      return Optional.ofNullable(json == null ? null : value(json, of[0], where));
    }
    if (json == null) {
      return null;
    }
    if (json instanceof List<?> list && type.getRawType() == List.class) {
      List<Object> values = new ArrayList<>(list.size());
      for (Object element : list) {
        values.add(value(element, of[0], where + "[" + values.size() + "]"));
      }
      return values;
    }
    if (json instanceof Map<?, ?> map && type.getRawType() == Map.class && of[0] == String.class) {
      Map<String, Object> values = new LinkedHashMap<>();
      map.forEach(
          (key, element) -> values.put((String) key, value(element, of[1], member(where, key))));
      return values;
    }
    throw mismatch(json, type.getTypeName(), where);
  }

  private static Object number(Number number, Class<?> type, String where) {
    try {
      if (type == double.class || type == Double.class) {
        return number.doubleValue();
      }
      if (type == float.class || type == Float.class) {
        return number.floatValue();
      }
      BigDecimal exact = new BigDecimal(number.toString());
      if (type == int.class || type == Integer.class) {
        return exact.intValueExact();
      }
      if (type == long.class || type == Long.class) {
        return exact.longValueExact();
      }
      if (type == short.class || type == Short.class) {
        return exact.shortValueExact();
      }
      if (type == byte.class || type == Byte.class) {
        return exact.byteValueExact();
      }
      if (type == BigInteger.class) {
        return exact.toBigIntegerExact();
      }
      if (type == BigDecimal.class) {
        return exact;
      }
    } catch (ArithmeticException tooLarge) {
      throw new JsonException(
          where + " is " + number + ", which is not a valid " + type.getSimpleName());
    }
    throw mismatch(number, type.getSimpleName(), where);
  }

  private static Object enumConstant(String name, Class<?> type, String where) {
    for (Object constant : type.getEnumConstants()) {
      if (((Enum<?>) constant).name().equals(name)) {
        return constant;
      }
    }
    throw new JsonException(
        where + " is \"" + name + "\", which is not a constant of " + type.getSimpleName());
  }

  private static Object recordValue(Map<?, ?> object, Class<?> type, String where) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] values = new Object[components.length];
    for (int i = 0; i < values.length; i++) {
      String name = components[i].getName();
      String place = member(where, name);
      if (components[i].getType().isPrimitive() && object.get(name) == null) {
        throw new JsonException(place + " is missing");
      }
      values[i] = value(object.get(name), components[i].getGenericType(), place);
    }
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    try {
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(values);
    } catch (InvocationTargetException refused) {
      throw new JsonException(
          where
              + " was rejected by the constructor of "
              + type.getSimpleName()
              + ": "
              + Failure.oneLine(refused.getCause()),
          refused.getCause());
    } catch (ReflectiveOperationException | RuntimeException problem) {
      throw new JsonException("cannot create a " + type.getName(), problem);
    }
  }

  private static String member(String where, Object name) {
    return where.equals(ROOT) ? name.toString() : where + "." + name;
  }

  private static JsonException mismatch(Object json, String expected, String where) {
    String found = json == null ? "null" : json.getClass().getSimpleName();
    return new JsonException(where + " is a " + found + ", not a " + expected);
  }
}

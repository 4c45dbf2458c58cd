package dev.pagewire.client;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * HTTP header field. A name that occurs twice is represented by two fields.
 *
 * @param name the name in lower case
 * @param value the value; each character is one byte (ISO 8859-1)
 */
public record Header(String name, String value) {
  static Header fromWire(dev.pagewire.v1.Header header) {
    return new Header(header.getName(), header.getValue().toString(StandardCharsets.ISO_8859_1));
  }

  static List<Header> fromWire(List<dev.pagewire.v1.Header> headers) {
    return headers.stream().map(Header::fromWire).toList();
  }

  /** Returns the value of the first header of a name. */
  static Optional<String> first(List<Header> headers, String name) {
    return headers.stream().filter(h -> h.name().equals(name)).findFirst().map(Header::value);
  }
}

package dev.pagewire.client;

import java.nio.charset.StandardCharsets;

/**
 * One HTTP header field. A name that occurs twice is two of them.
 *
 * @param name in lower case
 * @param value octets, each as the character of its number (ISO 8859-1)
 */
public record Header(String name, String value) {
  static Header fromWire(dev.pagewire.v1.Header header) {
    return new Header(header.getName(), header.getValue().toString(StandardCharsets.ISO_8859_1));
  }
}

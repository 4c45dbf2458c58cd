package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.Header;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;

/** Conversions to the contract's types that several classes need. */
final class ToWire {
  /** Longest duration that protobuf allows: 10,000 years. */
  private static final long MAX_SECONDS = 315_576_000_000L;

  private ToWire() {}

  static com.google.protobuf.Duration duration(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(Math.min(duration.getSeconds(), MAX_SECONDS))
        .setNanos(duration.getSeconds() < MAX_SECONDS ? duration.getNano() : 0)
        .build();
  }

  static Header header(String name, String value) {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(value, "value");
    return Header.newBuilder()
        .setName(name.toLowerCase(Locale.ROOT))
        .setValue(ByteString.copyFrom(value, StandardCharsets.ISO_8859_1))
        .build();
  }
}

package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.BrowserMessage;
import java.util.Map;
import java.util.Optional;

/** A message that a page sent. */
public final class Message implements Event.What {
  private final BrowserMessage wire;

  Message(BrowserMessage wire) {
    this.wire = wire;
  }

  /** {@return the socket it came from: {@link Target#socket} with it reaches the same page} */
  public String socketId() {
    return wire.getSocketId();
  }

  /** {@return the {@code type} of the message; empty for a binary one} */
  public String type() {
    return wire.getType();
  }

  /**
   * {@return the text as the page sent it, byte for byte; empty for a binary message, and for one
   * whose content was {@link #omittedBytes left out}}
   */
  public String text() {
    return wire.getText();
  }

  /** {@return the bytes of a binary message; none = it is text} */
  public Optional<byte[]> binary() {
    return wire.hasBinary()
        ? Optional.of(wire.getBinary()).map(ByteString::toByteArray)
        : Optional.empty();
  }

  /**
   * The message as a Java value.
   *
   * @param <T> the type
   * @param type the class, as {@link Json} reads it
   * @return the value
   * @throws JsonException when it is not of the type, or no text at all
   */
  public <T> T json(Class<T> type) {
    if (!wire.hasText()) {
      throw new JsonException(
          wire.hasBinary()
              ? "a binary message"
              : "a message of " + omittedBytes() + " bytes, left out (raise maxEventBytes)");
    }
    return Json.read(text(), type);
  }

  /**
   * The message as a map, in the order of its keys.
   *
   * @return its keys and values, as {@link Json} reads them
   * @throws JsonException when it is no text at all
   */
  @SuppressWarnings("unchecked") // The daemon delivers no text but objects, whose keys are strings.
  public Map<String, Object> json() {
    return (Map<String, Object>) json(Map.class);
  }

  /**
   * {@return what names the page's request, if it is one that can be answered with {@link
   * Client#reply}}
   */
  public Optional<String> requestId() {
    return Optional.of(wire.getRequestId()).filter(id -> !id.isEmpty());
  }

  /**
   * {@return the size in bytes of a message whose content was left out, because it is larger than
   * {@link SubscribeOptions#maxEventBytes}; 0 = the content is here}
   */
  public long omittedBytes() {
    return wire.getOmittedBytes();
  }

  @Override
  public String toString() {
    return socketId() + ": " + (wire.hasText() ? text() : "(binary)");
  }
}

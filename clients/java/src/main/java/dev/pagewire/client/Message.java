package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.BrowserMessage;
import java.util.Map;
import java.util.Optional;

/** Message sent by a page. */
public final class Message implements Event.What {
  private final BrowserMessage wire;

  Message(BrowserMessage wire) {
    this.wire = wire;
  }

  /**
   * Creates a message as a test passes it to a handler: sent by the socket {@code "socket"}, and
   * not a request.
   *
   * @param value a value that {@link Json} can write as an object
   * @return the message
   */
  public static Message of(Object value) {
    return ofJson(Json.write(value));
  }

  /**
   * Creates a message as {@link #of} does.
   *
   * @param json the text as a page sends it: a JSON object
   * @return the message
   */
  public static Message ofJson(String json) {
    Object type = Json.read(json, Map.class).get("type");
    return new Message(
        BrowserMessage.newBuilder()
            .setSocketId("socket")
            .setType(type instanceof String text ? text : "")
            .setText(json)
            .build());
  }

  /**
   * Creates a binary message as a test passes it to a handler, sent by the socket {@code "socket"}.
   *
   * @param bytes the bytes
   * @return the message
   */
  public static Message ofBinary(byte[] bytes) {
    return new Message(
        BrowserMessage.newBuilder()
            .setSocketId("socket")
            .setBinary(ByteString.copyFrom(bytes))
            .build());
  }

  /**
   * Returns this message as sent by another socket.
   *
   * @param socketId the socket's id
   * @return the message
   */
  public Message withSocketId(String socketId) {
    return new Message(wire.toBuilder().setSocketId(socketId).build());
  }

  /**
   * Returns this message as a request.
   *
   * @param requestId the request's id
   * @return the message
   */
  public Message withRequestId(String requestId) {
    return new Message(wire.toBuilder().setRequestId(requestId).build());
  }

  /** {@return the socket that sent it; {@link Target#socket} with this id reaches the same page} */
  public String socketId() {
    return wire.getSocketId();
  }

  /** {@return the {@code type} of the message; empty for a binary message} */
  public String type() {
    return wire.getType();
  }

  /**
   * {@return the text as the page sent it, byte for byte; empty if the message is binary or its
   * content was {@link #omittedBytes omitted}}
   */
  public String text() {
    return wire.getText();
  }

  /** {@return the bytes of a binary message; empty if the message is text} */
  public Optional<byte[]> binary() {
    return wire.hasBinary()
        ? Optional.of(wire.getBinary()).map(ByteString::toByteArray)
        : Optional.empty();
  }

  /**
   * Reads the message as a Java object.
   *
   * @param <T> the type
   * @param type a class that {@link Json} can read
   * @return the object
   * @throws JsonException when the message does not fit the type, or is not text
   */
  public <T> T json(Class<T> type) {
    if (!wire.hasText()) {
      throw new JsonException(
          wire.hasBinary()
              ? "the message is binary"
              : "the message's content of "
                  + omittedBytes()
                  + " bytes was omitted (raise maxEventBytes)");
    }
    return Json.read(text(), type);
  }

  /**
   * Reads the message as a map, whose keys are in the order in which the page sent them.
   *
   * @return the keys and values, as {@link Json} reads them
   * @throws JsonException when the message is not text
   */
  @SuppressWarnings("unchecked") // Text messages are JSON objects, whose keys are strings.
  public Map<String, Object> json() {
    return (Map<String, Object>) json(Map.class);
  }

  /**
   * {@return the id of the page's request, if the page waits for a reply; see {@link Client#reply}}
   */
  public Optional<String> requestId() {
    return Optional.of(wire.getRequestId()).filter(id -> !id.isEmpty());
  }

  /**
   * {@return the size in bytes of content that was omitted because it is larger than {@link
   * SubscribeOptions#maxEventBytes}; 0 if the content is present}
   */
  public long omittedBytes() {
    return wire.getOmittedBytes();
  }

  @Override
  public String toString() {
    return socketId() + ": " + (wire.hasText() ? text() : "(binary)");
  }
}

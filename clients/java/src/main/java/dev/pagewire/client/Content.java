package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.ServeContent;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Response made by a plugin, with status 200 unless set otherwise. Immutable. */
public final class Content implements Outcome {
  private final ServeContent wire;

  private Content(ServeContent.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * Creates a response from text.
   *
   * @param contentType a MIME type or a file extension; empty to derive it from the request's path
   * @param body the text
   * @return the content
   */
  public static Content of(String contentType, String body) {
    return of(contentType, ByteString.copyFromUtf8(Objects.requireNonNull(body, "body")));
  }

  /**
   * Creates a response from bytes.
   *
   * @param contentType a MIME type or a file extension; empty to derive it from the request's path
   * @param body the bytes
   * @return the content
   */
  public static Content of(String contentType, byte[] body) {
    return of(contentType, ByteString.copyFrom(Objects.requireNonNull(body, "body")));
  }

  private static Content of(String contentType, ByteString body) {
    Objects.requireNonNull(contentType, "contentType");
    return new Content(ServeContent.newBuilder().setContentType(contentType).setInlineBody(body));
  }

  /**
   * Creates a JavaScript response.
   *
   * @param source the script or module
   * @return the content
   */
  public static Content js(String source) {
    return of("text/javascript", Objects.requireNonNull(source, "source"));
  }

  /**
   * Creates a stylesheet response.
   *
   * @param source the stylesheet
   * @return the content
   */
  public static Content css(String source) {
    return of("text/css", Objects.requireNonNull(source, "source"));
  }

  /**
   * Creates an HTML response.
   *
   * @param source the page
   * @return the content
   */
  public static Content html(String source) {
    return of("text/html", Objects.requireNonNull(source, "source"));
  }

  /**
   * Creates a plain text response.
   *
   * @param text the text
   * @return the content
   */
  public static Content text(String text) {
    return of("text/plain", Objects.requireNonNull(text, "text"));
  }

  /**
   * Creates a JSON response.
   *
   * @param value a value that {@link Json} can write
   * @return the content
   * @throws JsonException when the value cannot be written as JSON
   */
  public static Content json(Object value) {
    return of("application/json", Json.write(value));
  }

  /**
   * Creates a response from a file of any size, which the daemon reads. The content type is derived
   * from the request's path.
   *
   * @param file an absolute path, inside a served root or the plugin's {@link Context#scratchDir}
   * @return the content
   */
  public static Content file(Path file) {
    return new Content(
        ServeContent.newBuilder().setFilePath(Objects.requireNonNull(file, "file").toString()));
  }

  /**
   * Sets the content type.
   *
   * @param contentType a MIME type or a file extension
   * @return the content
   */
  public Content contentType(String contentType) {
    Objects.requireNonNull(contentType, "contentType");
    return new Content(wire.toBuilder().setContentType(contentType));
  }

  /**
   * Sets the HTTP status.
   *
   * @param status the status
   * @return the content
   */
  public Content status(int status) {
    return new Content(wire.toBuilder().setStatus(status));
  }

  /**
   * Adds a response header. Hop-by-hop headers and {@code content-length} are not allowed: they
   * turn the result into a failure.
   *
   * @param name the header's name
   * @param value the header's value; each character is one byte (ISO 8859-1)
   * @return the content
   */
  public Content header(String name, String value) {
    return new Content(wire.toBuilder().addHeaders(ToWire.header(name, value)));
  }

  /**
   * Allows the daemon to cache the response: it answers the same request itself until the response
   * is invalidated, a file that it depends on changes, or the plugin disconnects.
   *
   * @return the content
   */
  public Content remember() {
    return new Content(wire.toBuilder().setRemember(true));
  }

  /**
   * Adds files whose change makes the cached response stale.
   *
   * @param files absolute paths
   * @return the content
   */
  public Content dependsOn(Path... files) {
    ServeContent.Builder more = wire.toBuilder();
    for (Path file : files) {
      more.addDependsOnFiles(file.toString());
    }
    return new Content(more);
  }

  /**
   * {@return content that is sent as it is, without transforms and without the injected socket
   * client}
   */
  public Content verbatim() {
    return new Content(wire.toBuilder().setVerbatim(true));
  }

  /** {@return the content type as it was set; empty to derive it from the request's path} */
  public String contentType() {
    return wire.getContentType();
  }

  /** {@return the body; empty if the content is a {@link #file()}} */
  public byte[] body() {
    return wire.getInlineBody().toByteArray();
  }

  /** {@return the body, decoded as UTF-8} */
  public String text() {
    return wire.getInlineBody().toStringUtf8();
  }

  /** {@return the file that the daemon reads the body from} */
  public Optional<Path> file() {
    return wire.hasFilePath() ? Optional.of(Path.of(wire.getFilePath())) : Optional.empty();
  }

  /** {@return the HTTP status} */
  public int status() {
    return wire.getStatus() == 0 ? 200 : wire.getStatus();
  }

  /**
   * Returns the first header of a name.
   *
   * @param name the name in lower case
   * @return the value
   */
  public Optional<String> header(String name) {
    return Header.first(headers(), name);
  }

  /** {@return the added headers} */
  public List<Header> headers() {
    return Header.fromWire(wire.getHeadersList());
  }

  /** {@return whether the daemon may cache the response} */
  public boolean isRemembered() {
    return wire.getRemember();
  }

  /** {@return whether the content is sent as it is} */
  public boolean isVerbatim() {
    return wire.getVerbatim();
  }

  /** {@return the files whose change makes the cached response stale} */
  public List<Path> dependsOn() {
    return FromWire.paths(wire.getDependsOnFilesList());
  }

  ServeContent toWire() {
    return wire;
  }
}

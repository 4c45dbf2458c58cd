package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.ServeContent;
import java.nio.file.Path;

/** A response made by a plugin. Status 200 unless set. Immutable. */
public final class Content implements Outcome {
  private final ServeContent wire;

  private Content(ServeContent.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * A text.
   *
   * @param contentType a MIME type or a file extension; empty = derived from the request's path
   * @param body the text
   * @return the content
   */
  public static Content of(String contentType, String body) {
    return of(contentType, ByteString.copyFromUtf8(body));
  }

  /**
   * Bytes.
   *
   * @param contentType a MIME type or a file extension; empty = derived from the request's path
   * @param body the bytes
   * @return the content
   */
  public static Content of(String contentType, byte[] body) {
    return of(contentType, ByteString.copyFrom(body));
  }

  private static Content of(String contentType, ByteString body) {
    return new Content(ServeContent.newBuilder().setContentType(contentType).setInlineBody(body));
  }

  /**
   * JavaScript.
   *
   * @param source the script or module
   * @return the content
   */
  public static Content js(String source) {
    return of("text/javascript", source);
  }

  /**
   * A stylesheet.
   *
   * @param source the stylesheet
   * @return the content
   */
  public static Content css(String source) {
    return of("text/css", source);
  }

  /**
   * An HTML page.
   *
   * @param source the page
   * @return the content
   */
  public static Content html(String source) {
    return of("text/html", source);
  }

  /**
   * Plain text.
   *
   * @param text the text
   * @return the content
   */
  public static Content text(String text) {
    return of("text/plain", text);
  }

  /**
   * A value as JSON.
   *
   * @param value a value, as {@link Json} writes it
   * @return the content
   * @throws JsonException when it cannot be JSON
   */
  public static Content json(Object value) {
    return of("application/json", Json.write(value));
  }

  /**
   * A file that the daemon reads, of any size. Its type is derived from the request's path.
   *
   * @param file an absolute path, inside a served root or the plugin's {@link Context#scratchDir}
   * @return the content
   */
  public static Content file(Path file) {
    return new Content(ServeContent.newBuilder().setFilePath(file.toString()));
  }

  /**
   * Another type.
   *
   * @param contentType a MIME type or a file extension
   * @return the content
   */
  public Content contentType(String contentType) {
    return new Content(wire.toBuilder().setContentType(contentType));
  }

  /**
   * Another HTTP status.
   *
   * @param status the status
   * @return the content
   */
  public Content status(int status) {
    return new Content(wire.toBuilder().setStatus(status));
  }

  /**
   * One more response header. Hop-by-hop headers and {@code content-length} make the answer a
   * failure.
   *
   * @param name its name
   * @param value its value, octets as the characters of their numbers
   * @return the content
   */
  public Content header(String name, String value) {
    return new Content(wire.toBuilder().addHeaders(ToWire.header(name, value)));
  }

  /**
   * The daemon may answer the same request itself from now on: until invalidated, a file it depends
   * on changes, or the plugin leaves.
   *
   * @return the content
   */
  public Content remember() {
    return new Content(wire.toBuilder().setRemember(true));
  }

  /**
   * Further files whose change makes a remembered answer stale.
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

  /** {@return content that the page gets as it is: no transform, no socket client put into it} */
  public Content verbatim() {
    return new Content(wire.toBuilder().setVerbatim(true));
  }

  ServeContent toWire() {
    return wire;
  }
}

package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.TransformContent;
import java.nio.file.Path;
import java.util.Locale;

/**
 * A plugin's changes to a response. Everything that it does not set stays as it is. Immutable.
 *
 * <pre>{@code
 * Change.body("body { color: red }").header("x-made-by", "styles")
 * }</pre>
 */
public final class Change {
  private final TransformContent wire;

  private Change(TransformContent.Builder wire) {
    this.wire = wire.build();
  }

  /** {@return an empty change, to which a content type or headers can be added} */
  public static Change create() {
    return new Change(TransformContent.newBuilder());
  }

  /**
   * Replaces the body.
   *
   * @param body the text, at most 16 MiB; may be empty
   * @return the change
   */
  public static Change body(String body) {
    return new Change(TransformContent.newBuilder().setBody(ByteString.copyFromUtf8(body)));
  }

  /**
   * Replaces the body.
   *
   * @param body the bytes, at most 16 MiB; may be empty
   * @return the change
   */
  public static Change body(byte[] body) {
    return new Change(TransformContent.newBuilder().setBody(ByteString.copyFrom(body)));
  }

  /**
   * Replaces the content type.
   *
   * @param contentType a MIME type or a file extension
   * @return the change
   */
  public Change contentType(String contentType) {
    return new Change(wire.toBuilder().setContentType(contentType));
  }

  /**
   * Sets a header, replacing all headers of that name. Hop-by-hop headers and {@code
   * content-length} are not allowed: they turn the result into a failure.
   *
   * @param name the header's name
   * @param value the header's value; each character is one byte (ISO 8859-1)
   * @return the change
   */
  public Change header(String name, String value) {
    return new Change(wire.toBuilder().addHeaders(ToWire.header(name, value)));
  }

  /**
   * Removes all headers of a name.
   *
   * @param name the headers' name
   * @return the change
   */
  public Change removeHeader(String name) {
    return new Change(wire.toBuilder().addRemoveHeaders(name.toLowerCase(Locale.ROOT)));
  }

  /**
   * Disables caching: the plugin is called again for the next request. By default the daemon caches
   * the result until the response or a file that it depends on changes, the result is invalidated,
   * or the plugin disconnects.
   *
   * @return the change
   */
  public Change noCache() {
    return new Change(wire.toBuilder().setNoCache(true));
  }

  /**
   * Adds files whose change makes the cached result stale, such as files that the body includes, or
   * a configuration.
   *
   * @param files absolute paths
   * @return the change
   */
  public Change dependsOn(Path... files) {
    TransformContent.Builder more = wire.toBuilder();
    for (Path file : files) {
      more.addDependsOnFiles(file.toString());
    }
    return new Change(more);
  }

  TransformContent toWire() {
    return wire;
  }
}

package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.TransformContent;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Changes to a response, made by a plugin. What it does not mention stays. Immutable.
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

  /** {@return a change that changes nothing yet: of headers or the type only, say} */
  public static Change create() {
    return new Change(TransformContent.newBuilder());
  }

  /**
   * A new body.
   *
   * @param body the text, 16 MiB at most; it may be empty
   * @return the change
   */
  public static Change body(String body) {
    return new Change(TransformContent.newBuilder().setBody(ByteString.copyFromUtf8(body)));
  }

  /**
   * A new body.
   *
   * @param body the bytes, 16 MiB at most; it may be empty
   * @return the change
   */
  public static Change body(byte[] body) {
    return new Change(TransformContent.newBuilder().setBody(ByteString.copyFrom(body)));
  }

  /**
   * A new type.
   *
   * @param contentType a MIME type or a file extension
   * @return the change
   */
  public Change contentType(String contentType) {
    return new Change(wire.toBuilder().setContentType(contentType));
  }

  /**
   * Sets a header, in place of those of its name. Hop-by-hop headers and {@code content-length}
   * make the answer a failure.
   *
   * @param name its name
   * @param value its value, octets as the characters of their numbers
   * @return the change
   */
  public Change header(String name, String value) {
    return new Change(wire.toBuilder().addHeaders(ToWire.header(name, value)));
  }

  /**
   * Removes headers, if there are any.
   *
   * @param name their name
   * @return the change
   */
  public Change removeHeader(String name) {
    return new Change(wire.toBuilder().addRemoveHeaders(name.toLowerCase(Locale.ROOT)));
  }

  /**
   * Has the daemon ask again for the next request. Default: it keeps what came of this response
   * until that changes, it is invalidated, a file it depends on changes, or a plugin leaves.
   *
   * @return the change
   */
  public Change noCache() {
    return new Change(wire.toBuilder().setNoCache(true));
  }

  /**
   * Further files whose change makes a cached result stale: what the body includes, or a
   * configuration.
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

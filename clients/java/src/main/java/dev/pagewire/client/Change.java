package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.TransformContent;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

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
    return new Change(
        TransformContent.newBuilder()
            .setBody(ByteString.copyFromUtf8(Objects.requireNonNull(body, "body"))));
  }

  /**
   * Replaces the body.
   *
   * @param body the bytes, at most 16 MiB; may be empty
   * @return the change
   */
  public static Change body(byte[] body) {
    return new Change(
        TransformContent.newBuilder()
            .setBody(ByteString.copyFrom(Objects.requireNonNull(body, "body"))));
  }

  /**
   * Replaces the content type.
   *
   * @param contentType a MIME type or a file extension
   * @return the change
   */
  public Change contentType(String contentType) {
    Objects.requireNonNull(contentType, "contentType");
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
   * Removes all headers of these names.
   *
   * @param names the headers' names, in addition to earlier ones
   * @return the change
   */
  public Change removeHeaders(String... names) {
    TransformContent.Builder more = wire.toBuilder();
    for (String name : names) {
      more.addRemoveHeaders(name.toLowerCase(Locale.ROOT));
    }
    return new Change(more);
  }

  /**
   * Removes all headers of a name.
   *
   * @param name the headers' name
   * @return the change
   * @deprecated Use {@link #removeHeaders}.
   */
  @Deprecated
  public Change removeHeader(String name) {
    return removeHeaders(name);
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

  /** {@return the new body; empty if the body stays as it is} */
  public Optional<byte[]> body() {
    return wire.hasBody() ? Optional.of(wire.getBody().toByteArray()) : Optional.empty();
  }

  /** {@return the new body, decoded as UTF-8; empty if the body stays as it is} */
  public Optional<String> text() {
    return wire.hasBody() ? Optional.of(wire.getBody().toStringUtf8()) : Optional.empty();
  }

  /** {@return the new content type; empty if it stays as it is} */
  public String contentType() {
    return wire.getContentType();
  }

  /**
   * Returns the first header of a name that is set.
   *
   * @param name the name in lower case
   * @return the value
   */
  public Optional<String> header(String name) {
    return Header.first(headers(), name);
  }

  /** {@return the headers that are set} */
  public List<Header> headers() {
    return Header.fromWire(wire.getHeadersList());
  }

  /** {@return the names of the headers that are removed, in lower case} */
  public List<String> removeHeaders() {
    return List.copyOf(wire.getRemoveHeadersList());
  }

  /** {@return whether caching is disabled} */
  public boolean isNoCache() {
    return wire.getNoCache();
  }

  /** {@return the files whose change makes the cached result stale} */
  public List<Path> dependsOn() {
    return FromWire.paths(wire.getDependsOnFilesList());
  }

  TransformContent toWire() {
    return wire;
  }
}

package dev.pagewire.client;

import java.util.OptionalLong;

/**
 * A serve handler read a request's body that was omitted because it is larger than {@link
 * ServeOptions#maxRequestBodyBytes}. If the handler does not catch it, the page gets status 413, or
 * 500 if the hook does not request bodies at all.
 */
public final class BodyTooLargeException extends PagewireException {
  private static final long serialVersionUID = 1;

  /** The announced size of the body; 0 if none was announced. */
  private final long bytes;

  /** The limit of the hook. */
  private final int maxBytes;

  BodyTooLargeException(long bytes, int maxBytes) {
    super(text(bytes, maxBytes));
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }

  /** {@return the size of the body; empty if the request did not announce it} */
  public OptionalLong bytes() {
    return bytes == 0 ? OptionalLong.empty() : OptionalLong.of(bytes);
  }

  /** {@return the limit of the hook; 0 if it does not request bodies} */
  public int maxBytes() {
    return maxBytes;
  }

  /** Returns the HTTP status of the error page. */
  int status() {
    return maxBytes == 0 ? 500 : 413;
  }

  private static String text(long bytes, int maxBytes) {
    if (maxBytes == 0) {
      return "this hook does not request bodies (set maxRequestBodyBytes)";
    }
    String size = bytes == 0 ? "more than " + maxBytes : Long.toString(bytes);
    return "the request's body has %s bytes, but this hook accepts at most %d bytes (%s)"
        .formatted(size, maxBytes, "maxRequestBodyBytes");
  }
}

package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.RequestContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A page's request: to be answered by a serve handler, or the one that a response or module is for.
 */
public final class Request {
  private final RequestContext http;
  private final ByteString body;
  private final boolean bodyOmitted;
  private final com.google.protobuf.Duration timeRemaining;
  private final Context context;

  Request(
      RequestContext http,
      ByteString body,
      boolean bodyOmitted,
      com.google.protobuf.Duration timeRemaining,
      Context context) {
    this.http = http;
    this.body = body;
    this.bodyOmitted = bodyOmitted;
    this.timeRemaining = timeRemaining;
    this.context = context;
  }

  /** {@return the HTTP method, in upper case} */
  public String method() {
    return http.getMethod();
  }

  /**
   * {@return the URL path: percent-decoded once, without dot segments, beginning with {@code /}}
   */
  public String path() {
    return http.getPath();
  }

  /** {@return the query as received, without {@code ?}; empty = none} */
  public String query() {
    return http.getQuery();
  }

  /** {@return the request target as received, neither decoded nor normalised} */
  public String rawTarget() {
    return http.getRawTarget();
  }

  /** {@return the host it was asked of, port included} */
  public String host() {
    return http.getHost();
  }

  /**
   * The first header of a name, of those that {@link HookOptions#forwardRequestHeaders} asks for.
   *
   * @param name in lower case
   * @return its value, octets as the characters of their numbers
   */
  public Optional<String> header(String name) {
    return headers().stream().filter(h -> h.name().equals(name)).findFirst().map(Header::value);
  }

  /** {@return the headers asked for, in the order received} */
  public List<Header> headers() {
    return http.getHeadersList().stream().map(Header::fromWire).toList();
  }

  /** {@return the W3C trace context; empty = none} */
  public String traceparent() {
    return http.getTraceparent();
  }

  /** {@return the file that would answer it, absolute, on the daemon's machine} */
  public Optional<Path> filePath() {
    return Optional.of(http.getFilePath()).filter(path -> !path.isEmpty()).map(Path::of);
  }

  /**
   * {@return the body, if a serve handler {@link ServeOptions#maxRequestBodyBytes asks for bodies};
   * empty = none, or {@link #bodyOmitted left out}}
   */
  public byte[] body() {
    return body.toByteArray();
  }

  /** {@return the body as text, taken for UTF-8} */
  public String text() {
    return body.toStringUtf8();
  }

  /** {@return whether it had a body that is larger than the plugin asks for} */
  public boolean bodyOmitted() {
    return bodyOmitted;
  }

  /**
   * {@return the time that was left when the call arrived here, after which the answer is ignored;
   * none = unlimited}
   */
  public Optional<Duration> timeRemaining() {
    return Optional.ofNullable(timeRemaining).map(FromWire::duration);
  }

  /** {@return the running plugin's view of its daemon} */
  public Context context() {
    return context;
  }

  /** {@return the connection that the plugin runs on} */
  public Client client() {
    return context.client();
  }
}

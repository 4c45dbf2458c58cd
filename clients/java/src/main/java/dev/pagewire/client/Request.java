package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.RequestContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Request of a page: the request to serve, the request that a response answers, or the request for
 * an importing module.
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

  /** {@return the query as received, without {@code ?}; may be empty} */
  public String query() {
    return http.getQuery();
  }

  /** {@return the request target as received, neither decoded nor normalised} */
  public String rawTarget() {
    return http.getRawTarget();
  }

  /** {@return the requested host, including the port} */
  public String host() {
    return http.getHost();
  }

  /**
   * Returns the first header of a name. Only headers requested with {@link
   * HookOptions#forwardRequestHeaders} are present.
   *
   * @param name the name in lower case
   * @return the value; each character is one byte (ISO 8859-1)
   */
  public Optional<String> header(String name) {
    return headers().stream().filter(h -> h.name().equals(name)).findFirst().map(Header::value);
  }

  /** {@return the requested headers, in the order received} */
  public List<Header> headers() {
    return http.getHeadersList().stream().map(Header::fromWire).toList();
  }

  /** {@return the W3C trace context; empty if there is none} */
  public String traceparent() {
    return http.getTraceparent();
  }

  /** {@return absolute path, on the daemon's machine, of the file that would answer the request} */
  public Optional<Path> filePath() {
    return Optional.of(http.getFilePath()).filter(path -> !path.isEmpty()).map(Path::of);
  }

  /**
   * {@return the body, if a serve handler {@link ServeOptions#maxRequestBodyBytes requests bodies};
   * empty if there is none or it was {@link #bodyOmitted omitted}}
   */
  public byte[] body() {
    return body.toByteArray();
  }

  /** {@return the body as text, decoded as UTF-8} */
  public String text() {
    return body.toStringUtf8();
  }

  /** {@return whether the body was omitted because it is larger than the plugin's limit} */
  public boolean bodyOmitted() {
    return bodyOmitted;
  }

  /**
   * {@return the time that was left when the call arrived; a later result is ignored. Empty if
   * unlimited}
   */
  public Optional<Duration> timeRemaining() {
    return Optional.ofNullable(timeRemaining).map(FromWire::duration);
  }

  /** {@return the session's view of the daemon} */
  public Context context() {
    return context;
  }

  /** {@return the client that the plugin uses} */
  public Client client() {
    return context.client();
  }
}

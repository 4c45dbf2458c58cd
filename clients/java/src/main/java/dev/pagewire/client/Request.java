package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.RequestContext;
import dev.pagewire.v1.ServeCall;
import java.net.URI;
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

  /** Null if the body was omitted. */
  private final ByteString body;

  /** The size of the omitted body; 0 if unknown. */
  private final long omittedBytes;

  private final int maxBodyBytes;
  private final com.google.protobuf.Duration timeRemaining;
  private final Context context;

  private Request(RequestContext.Builder http, Request other) {
    this(http, other, other.body, other.omittedBytes, other.maxBodyBytes, other.context);
  }

  private Request(
      RequestContext.Builder http,
      Request other,
      ByteString body,
      long omittedBytes,
      int maxBodyBytes,
      Context context) {
    this.http = http.build();
    this.body = body;
    this.omittedBytes = omittedBytes;
    this.maxBodyBytes = maxBodyBytes;
    this.timeRemaining = other.timeRemaining;
    this.context = context;
  }

  /** Creates the request that a serve hook is to answer. */
  Request(ServeCall call, int maxBodyBytes, Context context) {
    this.http = call.getRequest();
    this.body = call.getBodyOmitted() ? null : call.getBody();
    this.omittedBytes = call.getOmittedBodyBytes();
    this.maxBodyBytes = maxBodyBytes;
    this.timeRemaining = call.hasTimeRemaining() ? call.getTimeRemaining() : null;
    this.context = context;
  }

  /** Creates a request of another hook, which never has a body. */
  Request(RequestContext http, com.google.protobuf.Duration timeRemaining, Context context) {
    this.http = http;
    this.body = ByteString.EMPTY;
    this.omittedBytes = 0;
    this.maxBodyBytes = 0;
    this.timeRemaining = timeRemaining;
    this.context = context;
  }

  /**
   * Creates a GET request as a test passes it to a handler: to {@code localhost}, without headers,
   * body, file and deadline, and with the context {@link Context#of}. The methods whose name begins
   * with {@code with} return it with something else.
   *
   * @param target path and query as a browser sends them: {@code /a%20b.md?v=1}
   * @return the request
   */
  public static Request of(String target) {
    URI uri = URI.create(target);
    RequestContext.Builder http =
        RequestContext.newBuilder()
            .setMethod("GET")
            .setPath(uri.getPath())
            .setRawTarget(target)
            .setHost("localhost");
    if (uri.getRawQuery() != null) {
      http.setQuery(uri.getRawQuery());
    }
    return new Request(http.build(), null, Context.of());
  }

  /**
   * Returns this request with another method.
   *
   * @param method the HTTP method, in upper case
   * @return the request
   */
  public Request withMethod(String method) {
    return new Request(http.toBuilder().setMethod(method), this);
  }

  /**
   * Returns this request with a further header.
   *
   * @param name the header's name
   * @param value the header's value
   * @return the request
   */
  public Request withHeader(String name, String value) {
    return new Request(http.toBuilder().addHeaders(ToWire.header(name, value)), this);
  }

  /**
   * Returns this request with a file that would answer it.
   *
   * @param filePath the file's absolute path
   * @return the request
   */
  public Request withFilePath(Path filePath) {
    return new Request(http.toBuilder().setFilePath(filePath.toString()), this);
  }

  /**
   * Returns this request with a body.
   *
   * @param body the text
   * @return the request
   */
  public Request withBody(String body) {
    return withBody(ByteString.copyFromUtf8(body), 0, 0);
  }

  /**
   * Returns this request with a body.
   *
   * @param body the bytes
   * @return the request
   */
  public Request withBody(byte[] body) {
    return withBody(ByteString.copyFrom(body), 0, 0);
  }

  /**
   * Returns this request with a body that was {@linkplain #bodyOmitted omitted}.
   *
   * @param bytes the size of the body; 0 if the request did not announce it
   * @param maxBytes the hook's {@link ServeOptions#maxRequestBodyBytes}
   * @return the request
   */
  public Request withOmittedBody(long bytes, int maxBytes) {
    return withBody(null, bytes, maxBytes);
  }

  private Request withBody(ByteString body, long omittedBytes, int maxBodyBytes) {
    return new Request(http.toBuilder(), this, body, omittedBytes, maxBodyBytes, context);
  }

  /**
   * Returns this request with another context.
   *
   * @param context the session's view of the daemon
   * @return the request
   */
  public Request withContext(Context context) {
    return new Request(http.toBuilder(), this, body, omittedBytes, maxBodyBytes, context);
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
    return Header.first(headers(), name);
  }

  /** {@return the requested headers, in the order received} */
  public List<Header> headers() {
    return Header.fromWire(http.getHeadersList());
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
   * Returns the body, if a serve handler {@link ServeOptions#maxRequestBodyBytes requests bodies}.
   *
   * @return the bytes; empty if there is no body
   * @throws BodyTooLargeException when the body was {@link #bodyOmitted omitted}
   */
  public byte[] body() {
    return receivedBody().toByteArray();
  }

  /**
   * Returns the body as text, decoded as UTF-8.
   *
   * @return the text; empty if there is no body
   * @throws BodyTooLargeException when the body was {@link #bodyOmitted omitted}
   */
  public String text() {
    return receivedBody().toStringUtf8();
  }

  /**
   * {@return whether the body was omitted because it is larger than {@link
   * ServeOptions#maxRequestBodyBytes}}
   */
  public boolean bodyOmitted() {
    return body == null;
  }

  private ByteString receivedBody() {
    if (bodyOmitted()) {
      throw new BodyTooLargeException(omittedBytes, maxBodyBytes);
    }
    return body;
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

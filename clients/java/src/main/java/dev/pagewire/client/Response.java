package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.TransformCall;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** Response that a transform handler may change: its state after the plugins before this one. */
public final class Response {
  private final TransformCall call;
  private final Request request;

  Response(TransformCall call, Context context) {
    this.call = call;
    this.request =
        new Request(
            call.getRequest(), call.hasTimeRemaining() ? call.getTimeRemaining() : null, context);
  }

  private Response(TransformCall.Builder call, Request request) {
    this.call = call.build();
    this.request = request;
  }

  /**
   * Creates a response as a test passes it to a handler, without headers.
   *
   * @param request the request that it answers
   * @param contentType the MIME type, including parameters
   * @param body the text
   * @return the response
   */
  public static Response of(Request request, String contentType, String body) {
    return of(request, contentType, ByteString.copyFromUtf8(body));
  }

  /**
   * Creates a response as a test passes it to a handler, without headers.
   *
   * @param request the request that it answers
   * @param contentType the MIME type, including parameters
   * @param body the bytes
   * @return the response
   */
  public static Response of(Request request, String contentType, byte[] body) {
    return of(request, contentType, ByteString.copyFrom(body));
  }

  private static Response of(Request request, String contentType, ByteString body) {
    return new Response(
        TransformCall.newBuilder().setContentType(contentType).setBody(body), request);
  }

  /**
   * Returns this response with a further header.
   *
   * @param name the header's name
   * @param value the header's value
   * @return the response
   */
  public Response withHeader(String name, String value) {
    return new Response(call.toBuilder().addResponseHeaders(ToWire.header(name, value)), request);
  }

  /** {@return the request that the response answers} */
  public Request request() {
    return request;
  }

  /** {@return the MIME type, including parameters} */
  public String contentType() {
    return call.getContentType();
  }

  /**
   * Returns the first header of a name.
   *
   * @param name the name in lower case
   * @return the value; each character is one byte (ISO 8859-1)
   */
  public Optional<String> header(String name) {
    return Header.first(headers(), name);
  }

  /** {@return the headers} */
  public List<Header> headers() {
    return Header.fromWire(call.getResponseHeadersList());
  }

  /** {@return the complete body} */
  public byte[] body() {
    return call.getBody().toByteArray();
  }

  /**
   * Decodes the body as UTF-8.
   *
   * @return the text
   * @throws Failure when the body is not UTF-8; the page shows it
   */
  public String text() {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(call.getBody().asReadOnlyByteBuffer())
          .toString();
    } catch (CharacterCodingException notUtf8) {
      throw new Failure(
          request.path()
              + " is not UTF-8 (save it as UTF-8, or exclude it from the plugin's filters)");
    }
  }
}

package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.TransformCall;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * A response on its way to the page, to be changed by a transform handler: as it stands after the
 * plugins before this one.
 */
public final class Response {
  private final TransformCall call;
  private final Request request;

  Response(TransformCall call, Context context) {
    this.call = call;
    this.request =
        new Request(
            call.getRequest(),
            ByteString.EMPTY,
            false,
            call.hasTimeRemaining() ? call.getTimeRemaining() : null,
            context);
  }

  /** {@return the request that it is for} */
  public Request request() {
    return request;
  }

  /** {@return the MIME type, parameters included} */
  public String contentType() {
    return call.getContentType();
  }

  /**
   * The first header of a name.
   *
   * @param name in lower case
   * @return its value, octets as the characters of their numbers
   */
  public Optional<String> header(String name) {
    return headers().stream().filter(h -> h.name().equals(name)).findFirst().map(Header::value);
  }

  /** {@return the headers} */
  public List<Header> headers() {
    return call.getResponseHeadersList().stream().map(Header::fromWire).toList();
  }

  /** {@return the whole body} */
  public byte[] body() {
    return call.getBody().toByteArray();
  }

  /**
   * The body as text, exactly.
   *
   * @return the text
   * @throws Failure for the page, when it is not UTF-8
   */
  public String text() {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(call.getBody().asReadOnlyByteBuffer())
          .toString();
    } catch (CharacterCodingException notUtf8) {
      throw new Failure(
          request.path() + " is not UTF-8 (save it as UTF-8, or have the plugin leave it out)");
    }
  }
}

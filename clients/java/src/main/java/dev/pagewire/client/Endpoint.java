package dev.pagewire.client;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The control endpoint of a daemon: an address, and a token. One without a token gets, when it is
 * dialled, that of the daemon of the same user that runs here and has this control address.
 * Immutable. The token is a secret: {@link #toString} does not show it.
 */
public final class Endpoint {
  /** Names the control endpoint, for processes that the daemon spawned and for people. */
  private static final String ENDPOINT_VARIABLE = "PAGEWIRE_ENDPOINT";

  /** Holds the control token. */
  private static final String TOKEN_VARIABLE = "PAGEWIRE_TOKEN";

  /** Host and port, as an HTTP authority; null for a unix socket. */
  private final String authority;

  /** The path of a unix socket; null for TCP. */
  private final Path socket;

  private final String token;

  private Endpoint(String authority, Path socket, String token) {
    this.authority = authority;
    this.socket = socket;
    this.token = token;
  }

  /**
   * Understands {@code 127.0.0.1:8001}, {@code http://127.0.0.1:8001}, {@code [::1]:8001}, {@code
   * localhost:8001} and {@code unix:/path/to/socket}. Connects to nothing.
   *
   * @param text the address
   * @return the endpoint, without a token
   * @throws EndpointException when the text is anything else
   */
  public static Endpoint parse(String text) {
    if (text.startsWith("unix:")) {
      // gRPC's two spellings: unix:path and unix:///absolute_path.
      String path = text.substring("unix:".length());
      path = path.startsWith("//") ? path.substring(2) : path;
      if (path.isEmpty()) {
        throw invalid(text, "is a unix socket without a path");
      }
      return new Endpoint(null, Path.of(path), null);
    }
    if (text.startsWith("https://")) {
      throw invalid(text, "asks for TLS, which the control endpoint does not speak");
    }
    String authority = text.startsWith("http://") ? text.substring("http://".length()) : text;
    authority =
        authority.endsWith("/") ? authority.substring(0, authority.length() - 1) : authority;
    if (authority.matches(".*[/?#@].*")) {
      throw invalid(text, "is more than a host and a port");
    }
    URI uri;
    try {
      uri = new URI("http://" + authority);
    } catch (URISyntaxException problem) {
      throw invalid(text, "is not a host and a port");
    }
    if (uri.getHost() == null) {
      throw invalid(text, "is not a host and a port");
    }
    if (uri.getPort() <= 0 || uri.getPort() > 65535) {
      throw invalid(text, "has no port");
    }
    return new Endpoint(authority, null, null);
  }

  /**
   * The daemon that is meant when the program was told none: the one that {@code PAGEWIRE_ENDPOINT}
   * names (see {@link #fromEnvironment}), else the one that is meant in the current folder (see
   * {@link #discover}). {@link Client#find} and {@link Plugin#run()} use this. Blocks shortly.
   *
   * @return the endpoint with its token
   * @throws EndpointException when the variable makes no sense
   * @throws NoDaemonException when none is named and none runs
   * @throws SeveralDaemonsException when none is named and two are equally near
   * @throws TokenFileException when the daemon's token cannot be read
   */
  public static Endpoint find() {
    return variable(ENDPOINT_VARIABLE).isPresent() ? fromEnvironment() : discover(Path.of(""));
  }

  /**
   * As {@link #find}, of a daemon that served these folders when it was found before: not another
   * project's, which may be the only one for a while.
   *
   * @param home the folders; null = it was not found before
   */
  static Endpoint findAgain(List<Path> home) {
    return home == null || variable(ENDPOINT_VARIABLE).isPresent()
        ? find()
        : Discovery.findServing(home).endpoint();
  }

  /**
   * The daemon that is meant in a folder: the one whose root is nearest around the folder; else one
   * whose root is below it; else the only one that runs. Its token is read from its file; {@code
   * PAGEWIRE_TOKEN} does not count here, as it belongs to an endpoint that somebody named. Blocks
   * shortly: reads small files, and tries whether who wrote them still listens.
   *
   * @param folder the folder
   * @return the endpoint with its token
   * @throws NoDaemonException when none runs
   * @throws SeveralDaemonsException when two are equally near
   * @throws TokenFileException when the daemon's token cannot be read
   */
  public static Endpoint discover(Path folder) {
    return Discovery.find(folder).endpoint();
  }

  /**
   * The endpoint that {@code PAGEWIRE_ENDPOINT} names, with the token that {@code PAGEWIRE_TOKEN}
   * holds. The daemon sets both variables for the plugins that it spawns. An empty variable is
   * none.
   *
   * @return the endpoint
   * @throws EndpointException when {@code PAGEWIRE_ENDPOINT} is not set or makes no sense
   */
  public static Endpoint fromEnvironment() {
    String address =
        variable(ENDPOINT_VARIABLE)
            .orElseThrow(
                () ->
                    new EndpointException(
                        ENDPOINT_VARIABLE,
                        "is not set (set it to the control endpoint that the daemon's ready line"
                            + " names, or have the daemon start this program)"));
    Endpoint endpoint = parse(address);
    return variable(TOKEN_VARIABLE).map(endpoint::withToken).orElse(endpoint);
  }

  /** Whether the environment names a daemon and its token: else the token is one that was found. */
  static boolean namesToken() {
    return variable(ENDPOINT_VARIABLE).isPresent() && variable(TOKEN_VARIABLE).isPresent();
  }

  /**
   * The endpoint as it is dialled: one without a token has that of the daemon of ours that runs
   * here and has this control address, if there is one. Blocks shortly.
   */
  Endpoint complete() {
    if (isUnix() || token != null) {
      return this;
    }
    try {
      return Discovery.at(this).flatMap(Daemon::tokenFile).map(this::withTokenFile).orElse(this);
    } catch (IOException | TokenFileException notKnown) {
      // The daemon says what is missing.
      return this;
    }
  }

  /**
   * The endpoint with this token, sent with every call. A unix socket that only its owner may open
   * needs none.
   *
   * @param token the token, as the daemon wrote it
   * @return the endpoint with it
   * @throws EndpointException when it cannot be a header
   */
  public Endpoint withToken(String token) {
    if (!token.chars().allMatch(letter -> letter >= ' ' && letter <= '~')) {
      throw new EndpointException(
          toString(),
          "has a token that cannot be a header (pass the token as the daemon wrote it)");
    }
    return new Endpoint(authority, socket, token);
  }

  /**
   * The endpoint with the token that is a file's content, without surrounding white space. Reads
   * the file at once.
   *
   * @param path the file
   * @return the endpoint with its token
   * @throws TokenFileException when the file cannot be read or is empty
   */
  public Endpoint withTokenFile(Path path) {
    String content;
    try {
      content = Files.readString(path).strip();
    } catch (IOException problem) {
      throw new TokenFileException(path, Failure.oneLine(problem));
    }
    if (content.isEmpty()) {
      throw new TokenFileException(path, "it is empty");
    }
    return withToken(content);
  }

  boolean isUnix() {
    return socket != null;
  }

  String authority() {
    return authority;
  }

  Path socket() {
    return socket;
  }

  Optional<String> token() {
    return Optional.ofNullable(token);
  }

  /** Whether both name the same address. */
  boolean isAt(Endpoint other) {
    return isUnix() || other.isUnix()
        ? Objects.equals(socket, other.socket)
        : numeric(authority).equals(numeric(other.authority));
  }

  private static String numeric(String authority) {
    return authority.startsWith("localhost:")
        ? "127.0.0.1:" + authority.substring("localhost:".length())
        : authority;
  }

  private static EndpointException invalid(String text, String problem) {
    return new EndpointException(
        text, problem + " (pass 127.0.0.1:8001, [::1]:8001 or unix:/path)");
  }

  /** A variable that is set and says something. */
  private static Optional<String> variable(String name) {
    return Optional.ofNullable(System.getenv(name)).map(String::strip).filter(v -> !v.isEmpty());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Endpoint endpoint
        && Objects.equals(authority, endpoint.authority)
        && Objects.equals(socket, endpoint.socket)
        && Objects.equals(token, endpoint.token);
  }

  @Override
  public int hashCode() {
    return Objects.hash(authority, socket, token);
  }

  /** {@return the address, without the token} */
  @Override
  public String toString() {
    return isUnix() ? "unix:" + socket : authority;
  }
}

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
 * Control endpoint of a daemon: an address and an optional token. When a client connects to an
 * endpoint without a token, it uses the token of the local daemon of the same user that listens on
 * this address. Immutable. The token is a secret: {@link #toString} does not show it.
 */
public final class Endpoint {
  /**
   * Environment variable for the control endpoint; set by the user, or by the daemon for the
   * processes that it spawns.
   */
  private static final String ENDPOINT_VARIABLE = "PAGEWIRE_ENDPOINT";

  /** Environment variable for the control token. */
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
   * Parses {@code 127.0.0.1:8001}, {@code http://127.0.0.1:8001}, {@code [::1]:8001}, {@code
   * localhost:8001} or {@code unix:/path/to/socket}. Does not connect.
   *
   * @param text the address
   * @return the endpoint, without a token
   * @throws EndpointException when the text is anything else
   */
  public static Endpoint parse(String text) {
    if (text.startsWith("unix:")) {
      // gRPC has two spellings: unix:path and unix:///absolute_path.
      String path = text.substring("unix:".length());
      path = path.startsWith("//") ? path.substring(2) : path;
      if (path.isEmpty()) {
        throw invalid(text, "is a unix socket without a path");
      }
      return new Endpoint(null, Path.of(path), null);
    }
    if (text.startsWith("https://")) {
      throw invalid(text, "uses TLS, which the control endpoint does not support");
    }
    String authority = text.startsWith("http://") ? text.substring("http://".length()) : text;
    authority =
        authority.endsWith("/") ? authority.substring(0, authority.length() - 1) : authority;
    if (authority.matches(".*[/?#@].*")) {
      throw invalid(text, "contains more than a host and a port");
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
   * Finds the daemon to use when the program names none: the one that {@code PAGEWIRE_ENDPOINT}
   * names (see {@link #fromEnvironment}), else the one that discovery selects for the current
   * folder (see {@link #discover}). {@link Client#find} and {@link Plugin#run()} use this. Blocks
   * briefly.
   *
   * @return the endpoint with its token
   * @throws EndpointException when the variable is not a valid endpoint
   * @throws NoDaemonException when the variable is not set and no daemon runs
   * @throws SeveralDaemonsException when the variable is not set and several daemons fit equally
   *     well
   * @throws TokenFileException when the daemon's token cannot be read
   */
  public static Endpoint find() {
    return variable(ENDPOINT_VARIABLE).isPresent() ? fromEnvironment() : discover(Path.of(""));
  }

  /**
   * Finds the daemon again as {@link #find} does, but considers only daemons that serve the same
   * folders as before: while a plugin's daemon restarts, the only running daemon may belong to
   * another project.
   *
   * @param rootDirs the folders of the daemon found before, or null if there was none
   */
  static Endpoint findAgain(List<Path> rootDirs) {
    return rootDirs == null || variable(ENDPOINT_VARIABLE).isPresent()
        ? find()
        : Discovery.findServing(rootDirs).endpoint();
  }

  /**
   * Selects the daemon for a folder by discovery: the one with the innermost root that contains the
   * folder; otherwise one with a root inside the folder; otherwise the only one that runs. Reads
   * the token from the daemon's token file; {@code PAGEWIRE_TOKEN} is ignored, because it belongs
   * to an endpoint named explicitly. Blocks briefly: reads small files and checks that the daemons
   * still listen.
   *
   * @param folder the folder
   * @return the endpoint with its token
   * @throws NoDaemonException when no daemon runs
   * @throws SeveralDaemonsException when several daemons fit equally well
   * @throws TokenFileException when the daemon's token cannot be read
   */
  public static Endpoint discover(Path folder) {
    return Discovery.find(folder).endpoint();
  }

  /**
   * Returns the endpoint that {@code PAGEWIRE_ENDPOINT} names, with the token in {@code
   * PAGEWIRE_TOKEN} if that is set. The daemon sets both variables for the plugins that it spawns.
   * An empty variable counts as not set.
   *
   * @return the endpoint
   * @throws EndpointException when {@code PAGEWIRE_ENDPOINT} is not set or not a valid endpoint
   */
  public static Endpoint fromEnvironment() {
    String address =
        variable(ENDPOINT_VARIABLE)
            .orElseThrow(
                () ->
                    new EndpointException(
                        ENDPOINT_VARIABLE,
                        "is not set (set it to the control endpoint that the daemon prints when"
                            + " it is ready, or have the daemon start this program)"));
    Endpoint endpoint = parse(address);
    return variable(TOKEN_VARIABLE).map(endpoint::withToken).orElse(endpoint);
  }

  /**
   * Returns whether the environment gives both an endpoint and its token, so that no token was
   * discovered.
   */
  static boolean namesToken() {
    return variable(ENDPOINT_VARIABLE).isPresent() && variable(TOKEN_VARIABLE).isPresent();
  }

  /**
   * Returns the endpoint to connect to: one without a token gets the token of the local daemon that
   * has this control address, if there is one. {@code localhost} becomes that daemon's address: at
   * another one, another program may listen. Blocks briefly.
   */
  Endpoint withDiscoveredToken() {
    if (isUnix() || token != null) {
      return this;
    }
    try {
      return Discovery.findByAddress(this)
          .flatMap(Daemon::tokenFile)
          .map(new Endpoint(numeric(authority), null, null)::withTokenFile)
          .orElse(this);
    } catch (IOException | TokenFileException unavailable) {
      // Connect without a token: the daemon's refusal says what is missing.
      return this;
    }
  }

  /**
   * Returns the endpoint with a token that is sent with every call. A unix socket that only its
   * owner may open needs none.
   *
   * @param token the token, as the daemon wrote it
   * @return the endpoint with the token
   * @throws EndpointException when the token contains characters that are not allowed in a header
   */
  public Endpoint withToken(String token) {
    if (!token.chars().allMatch(letter -> letter >= ' ' && letter <= '~')) {
      throw new EndpointException(
          toString(),
          "has a token with characters that are not allowed in a header (pass the token as the"
              + " daemon wrote it)");
    }
    return new Endpoint(authority, socket, token);
  }

  /**
   * Returns the endpoint with the token that a file contains; surrounding white space is removed.
   * Reads the file at once.
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
      throw new TokenFileException(path, "the file is empty");
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

  /** Returns whether both have the same address. */
  boolean hasSameAddress(Endpoint other) {
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

  /** Returns the value of an environment variable that is set and not blank. */
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

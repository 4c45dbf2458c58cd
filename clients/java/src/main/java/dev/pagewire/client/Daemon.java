package dev.pagewire.client;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A running daemon, as described by its discovery file.
 *
 * @param pid its process id
 * @param rootDirs the served root folders: absolute paths with symbolic links resolved
 * @param http the first URL at which pages are served
 * @param control its first control address
 * @param controls all its control addresses
 * @param tokenFile the file that contains its token; empty when no control address needs one
 */
public record Daemon(
    long pid,
    List<Path> rootDirs,
    String http,
    String control,
    List<String> controls,
    Optional<Path> tokenFile) {

  /**
   * Returns the daemon's first control address, with the token if that address needs one. Reads the
   * token file.
   *
   * @return the endpoint
   * @throws EndpointException when the address is invalid
   * @throws TokenFileException when the token cannot be read
   */
  public Endpoint endpoint() {
    Endpoint endpoint = Endpoint.parse(control);
    return endpoint.isUnix() ? endpoint : tokenFile.map(endpoint::withTokenFile).orElse(endpoint);
  }

  /** {@return a one-line description, for a list to choose from} */
  @Override
  public String toString() {
    String roots = rootDirs.stream().map(Path::toString).collect(Collectors.joining(", "));
    return roots + "  " + http + "  control " + control + "  pid " + pid;
  }
}

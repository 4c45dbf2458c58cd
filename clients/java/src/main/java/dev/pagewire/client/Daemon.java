package dev.pagewire.client;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A daemon that runs, as it describes itself in its discovery file.
 *
 * @param pid its process
 * @param rootDirs what it serves: absolute paths, without links
 * @param http the first URL of its pages
 * @param control its first control address
 * @param controls all its control addresses
 * @param tokenFile the file that holds its token; none when no control address needs one
 */
public record Daemon(
    long pid,
    List<Path> rootDirs,
    String http,
    String control,
    List<String> controls,
    Optional<Path> tokenFile) {

  /**
   * Its first control address, with its token if that needs one. Reads the token file at once.
   *
   * @return the endpoint
   * @throws EndpointException when the address makes no sense
   * @throws TokenFileException when the token cannot be read
   */
  public Endpoint endpoint() {
    Endpoint endpoint = Endpoint.parse(control);
    return endpoint.isUnix() ? endpoint : tokenFile.map(endpoint::withTokenFile).orElse(endpoint);
  }

  /** {@return one line of a list to choose from} */
  @Override
  public String toString() {
    String roots = rootDirs.stream().map(Path::toString).collect(Collectors.joining(", "));
    return roots + "  " + http + "  control " + control + "  pid " + pid;
  }
}

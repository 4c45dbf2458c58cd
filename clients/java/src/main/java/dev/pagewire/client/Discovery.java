package dev.pagewire.client;

import com.sun.security.auth.module.UnixSystem;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds running daemons by the discovery files that they write to the user's runtime folder. */
final class Discovery {
  /** Largest file that is read; daemons write far smaller ones. */
  private static final long MAX_FILE_BYTES = 64 * 1024;

  /** A daemon that does not accept a connection within this time counts as running but busy. */
  private static final int ACCEPT_TIMEOUT_MS = 1000;

  /** Permission bits of group and others. */
  private static final int OTHERS = 0077;

  private static final boolean UNIX =
      FileSystems.getDefault().supportedFileAttributeViews().contains("unix");

  private Discovery() {}

  /** Returns the running daemon that fits a folder best. */
  static Daemon find(Path folder) {
    return choose(resolveLinks(folder), runningDaemons());
  }

  /**
   * Returns the running daemon that serves exactly these folders. Used to reconnect after a
   * restart.
   */
  static Daemon findServing(List<Path> rootDirs) {
    Path first = rootDirs.isEmpty() ? Path.of("") : rootDirs.get(0);
    return choose(
        first,
        runningDaemons().stream().filter(daemon -> daemon.rootDirs().equals(rootDirs)).toList());
  }

  private static List<Daemon> runningDaemons() {
    try {
      return running(runtimeFolder());
    } catch (IOException problem) {
      throw new NoDaemonException(problem.getMessage());
    }
  }

  /** Returns the running daemon that has this control address. */
  static Optional<Daemon> findByAddress(Endpoint endpoint) throws IOException {
    return live(runtimeFolder()).stream()
        .filter(
            daemon ->
                daemon.controls().stream().anyMatch(control -> isSameAddress(control, endpoint)))
        .filter(Discovery::listens)
        .findFirst();
  }

  private static boolean isSameAddress(String control, Endpoint endpoint) {
    try {
      return Endpoint.parse(control).hasSameAddress(endpoint);
    } catch (EndpointException invalid) {
      return false;
    }
  }

  /** Returns the folder that contains the discovery files. */
  private static Path runtimeFolder() {
    String configured = System.getenv("XDG_RUNTIME_DIR");
    if (configured != null && Path.of(configured).isAbsolute()) {
      return Path.of(configured, "pagewire");
    }
    String name = UNIX ? "pagewire-" + new UnixSystem().getUid() : "pagewire";
    return Path.of(System.getProperty("java.io.tmpdir"), name);
  }

  /** Returns the daemons that accept connections. */
  static List<Daemon> running(Path folder) throws IOException {
    return live(folder).stream().filter(Discovery::listens).toList();
  }

  /**
   * Returns the daemons whose process is alive. Fails if other users can access the folder: they
   * could forge its files.
   */
  private static List<Daemon> live(Path folder) throws IOException {
    List<Daemon> daemons = new ArrayList<>();
    try {
      if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS) || !isPrivate(folder)) {
        if (Files.notExists(folder, LinkOption.NOFOLLOW_LINKS)) {
          return daemons;
        }
        throw new IOException(
            folder + " is not a folder that only you can open (remove it, or set XDG_RUNTIME_DIR)");
      }
      try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.json")) {
        for (Path file : files) {
          read(file).ifPresent(daemons::add);
        }
      }
    } catch (NoSuchFileException removed) {
      return daemons;
    }
    return daemons;
  }

  /** Returns empty unless the file is valid, small, and accessible to this user alone. */
  private static Optional<Daemon> read(Path file) {
    try {
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
          || !isPrivate(file)
          || Files.size(file) > MAX_FILE_BYTES) {
        return Optional.empty();
      }
      Map<?, ?> json = (Map<?, ?>) new JsonReader(Files.readString(file)).read();
      long pid = ((Number) json.get("pid")).longValue();
      if (!file.getFileName().toString().equals(pid + ".json") || !isAlive(pid)) {
        return Optional.empty();
      }
      Object tokenFile = json.get("token_file");
      return Optional.of(
          new Daemon(
              pid,
              strings(json.get("root_dirs")).map(Path::of).toList(),
              (String) json.get("http"),
              (String) json.get("control"),
              strings(json.get("controls")).toList(),
              Optional.ofNullable((String) tokenFile).map(Path::of)));
    } catch (IOException | RuntimeException invalid) {
      return Optional.empty();
    }
  }

  /** Returns whether the process is one of the current user and not a zombie. */
  static boolean isAlive(long pid) {
    if (ProcessHandle.of(pid).isEmpty()) {
      return false;
    }
    try {
      Path file = Path.of("/proc", Long.toString(pid), "status");
      String status = Files.readString(file, StandardCharsets.ISO_8859_1);
      // Another user's process got the id after the daemon had exited.
      return !status.contains("\nState:\tZ")
          && status.contains("\nUid:\t" + new UnixSystem().getUid() + "\t");
    } catch (IOException noProcFileSystem) {
      return true;
    }
  }

  private static Stream<String> strings(Object list) {
    return ((List<?>) list).stream().map(String.class::cast);
  }

  private static boolean isPrivate(Path path) throws IOException {
    if (!UNIX) {
      // On Windows the temporary folder belongs to the user.
      return true;
    }
    Map<String, Object> attributes =
        Files.readAttributes(path, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
    return ((Integer) attributes.get("uid")).longValue() == new UnixSystem().getUid()
        && ((Integer) attributes.get("mode") & OTHERS) == 0;
  }

  /**
   * Returns whether the daemon's process listens at one of its addresses. A timeout counts: it may
   * be busy. Once the daemon has exited, its process id and its address may belong to two other
   * programs, even another user's. Java does not show who owns a socket file.
   */
  private static boolean listens(Daemon daemon) {
    return Stream.concat(daemon.controls().stream(), Stream.of(daemon.control()))
        .anyMatch(control -> listens(daemon.pid(), control));
  }

  private static boolean listens(long pid, String control) {
    try {
      Endpoint endpoint = Endpoint.parse(control);
      if (endpoint.isUnix()) {
        try (SocketChannel channel =
            SocketChannel.open(UnixDomainSocketAddress.of(endpoint.socket()))) {
          return channel.isOpen();
        }
      }
      InetSocketAddress address = address(endpoint);
      if (!Listeners.ownsPort(pid, address.getPort())) {
        return false;
      }
      try (Socket socket = new Socket()) {
        socket.connect(address, ACCEPT_TIMEOUT_MS);
        return true;
      }
    } catch (ConnectException | EndpointException refused) {
      return false;
    } catch (SocketException problem) {
      // The JDK has no exception class for a missing socket file.
      return !String.valueOf(problem.getMessage()).contains("No such file");
    } catch (IOException busy) {
      return true;
    }
  }

  private static InetSocketAddress address(Endpoint endpoint) {
    URI uri = URI.create("http://" + endpoint.authority());
    return new InetSocketAddress(uri.getHost(), uri.getPort());
  }

  /**
   * Returns the daemon with the innermost root that contains the folder; otherwise one with a root
   * inside the folder; otherwise the only one.
   */
  static Daemon choose(Path folder, List<Daemon> daemons) {
    int nearest = daemons.stream().mapToInt(daemon -> proximity(daemon, folder)).max().orElse(0);
    List<Daemon> nearestDaemons =
        daemons.stream()
            .filter(daemon -> proximity(daemon, folder) == nearest)
            .sorted(Comparator.comparing(Daemon::toString))
            .toList();
    if (nearestDaemons.size() > 1) {
      throw new SeveralDaemonsException(folder, nearestDaemons);
    }
    return nearestDaemons.stream().findFirst().orElseThrow(() -> new NoDaemonException(null));
  }

  /**
   * Returns a higher number for a nearer root; 1 for a root inside the folder, 0 for an unrelated
   * one.
   */
  private static int proximity(Daemon daemon, Path folder) {
    int nearest = 0;
    for (Path root : daemon.rootDirs()) {
      if (folder.startsWith(root)) {
        nearest = Math.max(nearest, 2 + root.getNameCount());
      } else if (root.startsWith(folder)) {
        nearest = Math.max(nearest, 1);
      }
    }
    return nearest;
  }

  /**
   * Resolves symbolic links, because discovery files contain resolved paths. A folder that does not
   * exist is only made absolute.
   */
  private static Path resolveLinks(Path folder) {
    try {
      return folder.toRealPath();
    } catch (IOException missing) {
      return folder.toAbsolutePath();
    }
  }
}

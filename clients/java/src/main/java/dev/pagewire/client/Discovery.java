package dev.pagewire.client;

import com.sun.security.auth.module.UnixSystem;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
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

/** How a program finds a daemon that nobody named: the files that daemons leave. */
final class Discovery {
  /** Largest file that is read; a larger one is none of ours. 64 KiB. */
  private static final long MAX_FILE_BYTES = 64 * 1024;

  /** How long a daemon may take to accept a connection before it counts as busy. 1 s. */
  private static final int ACCEPT_TIMEOUT_MS = 1000;

  /** Permission bits of anybody but the owner. */
  private static final int OTHERS = 0077;

  private static final boolean UNIX =
      FileSystems.getDefault().supportedFileAttributeViews().contains("unix");

  private Discovery() {}

  /** The one that is meant in a folder, of those that run. */
  static Daemon find(Path folder) {
    return choose(real(folder), findable());
  }

  /** The one that serves these folders: another run of one that was known. */
  static Daemon findServing(List<Path> rootDirs) {
    Path first = rootDirs.isEmpty() ? Path.of("") : rootDirs.get(0);
    return choose(
        first, findable().stream().filter(one -> one.rootDirs().equals(rootDirs)).toList());
  }

  private static List<Daemon> findable() {
    try {
      return running(runtimeFolder());
    } catch (IOException problem) {
      throw new NoDaemonException(problem.getMessage());
    }
  }

  /** The one that has this control address. */
  static Optional<Daemon> at(Endpoint endpoint) throws IOException {
    return described(runtimeFolder()).stream()
        .filter(daemon -> daemon.controls().stream().anyMatch(c -> isAt(endpoint, c)))
        .filter(Discovery::listens)
        .findFirst();
  }

  private static boolean isAt(Endpoint endpoint, String control) {
    try {
      return Endpoint.parse(control).isAt(endpoint);
    } catch (EndpointException none) {
      return false;
    }
  }

  /** Where daemons leave their files. */
  private static Path runtimeFolder() {
    String given = System.getenv("XDG_RUNTIME_DIR");
    if (given != null && Path.of(given).isAbsolute()) {
      return Path.of(given, "pagewire");
    }
    String name = UNIX ? "pagewire-" + new UnixSystem().getUid() : "pagewire";
    return Path.of(System.getProperty("java.io.tmpdir"), name);
  }

  /** Those that run. */
  static List<Daemon> running(Path folder) throws IOException {
    return described(folder).stream().filter(Discovery::listens).toList();
  }

  /** Those whose process lives. In a folder that others may open, files prove nothing. */
  private static List<Daemon> described(Path folder) throws IOException {
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

  /** None unless it is a file of ours that nobody else could write, and makes sense. */
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
              texts(json.get("root_dirs")).map(Path::of).toList(),
              (String) json.get("http"),
              (String) json.get("control"),
              texts(json.get("controls")).toList(),
              Optional.ofNullable((String) tokenFile).map(Path::of)));
    } catch (IOException | RuntimeException notOurs) {
      return Optional.empty();
    }
  }

  /** One that has ended and whose parent has not asked how (a zombie) is dead. */
  private static boolean isAlive(long pid) {
    if (ProcessHandle.of(pid).isEmpty()) {
      return false;
    }
    try {
      Path file = Path.of("/proc", Long.toString(pid), "stat");
      String stat = Files.readString(file, StandardCharsets.ISO_8859_1);
      // The state stands behind the name, which is in parentheses and may hold some.
      return !stat.startsWith(") Z", stat.lastIndexOf(')'));
    } catch (IOException notToldHere) {
      return true;
    }
  }

  private static Stream<String> texts(Object list) {
    return ((List<?>) list).stream().map(String.class::cast);
  }

  private static boolean isPrivate(Path path) throws IOException {
    if (!UNIX) {
      // The temporary folder is the user's own there.
      return true;
    }
    Map<String, Object> of = Files.readAttributes(path, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
    return ((Integer) of.get("uid")).longValue() == new UnixSystem().getUid()
        && ((Integer) of.get("mode") & OTHERS) == 0;
  }

  /** Whether anything listens at one of its addresses. One too busy to accept does. */
  private static boolean listens(Daemon daemon) {
    return Stream.concat(daemon.controls().stream(), Stream.of(daemon.control()))
        .anyMatch(Discovery::listens);
  }

  private static boolean listens(String control) {
    try {
      Endpoint endpoint = Endpoint.parse(control);
      if (endpoint.isUnix()) {
        try (SocketChannel channel =
            SocketChannel.open(UnixDomainSocketAddress.of(endpoint.socket()))) {
          return channel.isOpen();
        }
      }
      try (Socket socket = new Socket()) {
        socket.connect(address(endpoint), ACCEPT_TIMEOUT_MS);
        return true;
      }
    } catch (ConnectException | EndpointException nobody) {
      return false;
    } catch (SocketException problem) {
      // The socket's file is not there, in the JDK's words.
      return !String.valueOf(problem.getMessage()).contains("No such file");
    } catch (IOException busy) {
      return true;
    }
  }

  private static SocketAddress address(Endpoint endpoint) {
    URI uri = URI.create("http://" + endpoint.authority());
    return new InetSocketAddress(uri.getHost(), uri.getPort());
  }

  /** The nearest: around the folder, else below it, else the only one. */
  static Daemon choose(Path folder, List<Daemon> daemons) {
    int nearest = daemons.stream().mapToInt(daemon -> nearness(daemon, folder)).max().orElse(0);
    List<Daemon> meant =
        daemons.stream()
            .filter(daemon -> nearness(daemon, folder) == nearest)
            .sorted(Comparator.comparing(Daemon::toString))
            .toList();
    if (meant.size() > 1) {
      throw new SeveralDaemonsException(folder, meant);
    }
    return meant.stream().findFirst().orElseThrow(() -> new NoDaemonException(null));
  }

  /** More is nearer; 0 = it serves something else, 1 = below the folder. */
  private static int nearness(Daemon daemon, Path folder) {
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

  /** Roots are real paths. A folder that does not exist is in no root. */
  private static Path real(Path folder) {
    try {
      return folder.toRealPath();
    } catch (IOException missing) {
      return folder.toAbsolutePath();
    }
  }
}

package dev.pagewire.client;

import com.sun.security.auth.module.UnixSystem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Finds out which process owns a listener, to distinguish a running daemon from another process
 * that now has its id or its address.
 */
final class Listeners {
  private static final List<Path> TABLES =
      List.of(Path.of("/proc/net/tcp"), Path.of("/proc/net/tcp6"));

  private Listeners() {}

  /** Returns whether a process listens at a TCP port. True if that is unknown. */
  static boolean ownsPort(long pid, int port) {
    List<Path> tables = TABLES.stream().filter(Files::isReadable).toList();
    if (tables.isEmpty()) {
      return true;
    }
    Set<String> sockets = new HashSet<>();
    try {
      for (Path table : tables) {
        sockets.addAll(listening(table, port));
      }
    } catch (IOException unreadable) {
      return true;
    }
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(Path.of("/proc", Long.toString(pid), "fd"))) {
      for (Path file : files) {
        if (sockets.contains(target(file))) {
          return true;
        }
      }
      return false;
    } catch (AccessDeniedException hidden) {
      // /proc/PID/fd of a program with capabilities is not readable; then any listener of the
      // current user at this port counts as its own.
      return !sockets.isEmpty();
    } catch (IOException gone) {
      return false;
    }
  }

  /** Returns the sockets of the current user that listen at a port, as links in /proc name them. */
  private static List<String> listening(Path table, int port) throws IOException {
    String suffix = String.format(":%04X", port);
    String user = Long.toString(new UnixSystem().getUid());
    List<String> sockets = new ArrayList<>();
    for (String line : Files.readAllLines(table, StandardCharsets.ISO_8859_1)) {
      // The local address, the state (0A: listening), the owner and the socket: see proc_net_tcp in
      // the kernel's documentation.
      String[] fields = line.strip().split("\\s+");
      if (fields.length > 9
          && fields[1].endsWith(suffix)
          && fields[3].equals("0A")
          && fields[7].equals(user)) {
        sockets.add("socket:[" + fields[9] + "]");
      }
    }
    return sockets;
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException closed) {
      return "";
    }
  }
}

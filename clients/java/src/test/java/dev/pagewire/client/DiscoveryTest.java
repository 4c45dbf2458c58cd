package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class DiscoveryTest {
  private static Daemon daemon(long pid, String... roots) {
    return new Daemon(
        pid,
        Stream.of(roots).map(Path::of).toList(),
        "http://127.0.0.1:8000",
        "127.0.0.1:8001",
        List.of("127.0.0.1:8001"),
        Optional.empty());
  }

  /** Returns the pid of the selected daemon, or all pids if several fit equally well. */
  private static List<Long> selected(String folder, Daemon... daemons) {
    try {
      return List.of(Discovery.choose(Path.of(folder), List.of(daemons)).pid());
    } catch (NoDaemonException notFound) {
      return List.of();
    } catch (SeveralDaemonsException several) {
      return several.daemons().stream().map(Daemon::pid).toList();
    }
  }

  @Test
  void selectsTheNearestRootAroundTheFolderElseOneBelowItElseTheOnlyOne() {
    Daemon outer = daemon(1, "/no/p");
    Daemon inner = daemon(2, "/no/p/web");
    Daemon other = daemon(3, "/no/q", "/no/r");
    assertEquals(List.of(2L), selected("/no/p/web/src", outer, inner, other));
    assertEquals(List.of(1L), selected("/no/p/website", outer, inner, other));
    assertEquals(List.of(1L), selected("/no/p", outer, inner, other));
    assertEquals(List.of(3L), selected("/no/r/x", outer, inner, other));
    assertEquals(List.of(1L, 2L, 3L), selected("/no", outer, inner, other));
    assertEquals(List.of(2L), selected("/no", inner));
    assertEquals(List.of(2L), selected("/elsewhere", inner));
    assertEquals(List.of(2L, 3L), selected("/elsewhere", inner, other));
    assertEquals(List.of(), selected("/elsewhere"));
    assertEquals(List.of(1L, 4L), selected("/no/p/src", daemon(4, "/no/p"), outer));
  }

  /** Writes the discovery file of a daemon that listens on a socket. */
  private static Path write(Path folder, long pid, ServerSocket socket, String permissions)
      throws IOException {
    String control = "127.0.0.1:" + socket.getLocalPort();
    Map<String, Object> content =
        Map.of(
            "pid",
            pid,
            "root_dirs",
            List.of("/p"),
            "http",
            "http://127.0.0.1:1",
            "control",
            control,
            "controls",
            List.of(control),
            "unknown_key",
            true);
    Path file = folder.resolve(pid + ".json");
    Files.writeString(file, Json.write(content));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
    return file;
  }

  @Test
  void ignoresFilesAndRefusesFoldersThatOthersCanAccess(@TempDir Path outer) throws Exception {
    Path folder = Files.createDirectory(outer.resolve("pagewire"));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    long pid = ProcessHandle.current().pid();
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      write(folder, pid, socket, "rw-------");
      assertEquals(1, Discovery.running(folder).size());
      write(folder, pid, socket, "rw-r--r--");
      assertEquals(0, Discovery.running(folder).size(), "file readable by others");
      write(folder, pid, socket, "rw-------");
      Path link = Files.createSymbolicLink(outer.resolve("link"), folder);
      assertThrows(IOException.class, () -> Discovery.running(link), "symbolic link");
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
      assertThrows(IOException.class, () -> Discovery.running(folder), "folder readable by others");
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    }
    assertEquals(0, Discovery.running(folder).size(), "no listener");
    assertEquals(0, Discovery.running(outer.resolve("none")).size(), "no folder");
  }

  @Test
  @Timeout(30)
  void ignoresAZombieProcessAndOneThatDoesNotListenItself(@TempDir Path outer) throws Exception {
    Path folder = Files.createDirectory(outer.resolve("pagewire"));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    // The shell starts a child and replaces itself with a program that never reaps it, so that the
    // killed child stays a zombie. Both programs end when their standard input is closed.
    String command = "exec 3<&0; cat <&3 & echo $!; exec cat";
    Process parent = new ProcessBuilder("sh", "-c", command).start();
    try (ServerSocket socket = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
      long pid = Long.parseLong(parent.inputReader().readLine());
      write(folder, pid, socket, "rw-------");
      assertEquals(0, Discovery.running(folder).size(), "another process listens");
      assertTrue(Discovery.isAlive(pid));
      ProcessHandle.of(pid).orElseThrow().destroyForcibly();
      while (Discovery.isAlive(pid)) {
        Thread.onSpinWait();
      }
      assertTrue(ProcessHandle.of(pid).isPresent(), "the zombie still exists");
    } finally {
      parent.getOutputStream().close();
    }
  }
}

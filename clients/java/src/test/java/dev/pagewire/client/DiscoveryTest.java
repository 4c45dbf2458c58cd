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

  /** The chosen one's number; several = those that could be meant. */
  private static List<Long> chosen(String folder, Daemon... daemons) {
    try {
      return List.of(Discovery.choose(Path.of(folder), List.of(daemons)).pid());
    } catch (NoDaemonException none) {
      return List.of();
    } catch (SeveralDaemonsException several) {
      return several.daemons().stream().map(Daemon::pid).toList();
    }
  }

  @Test
  void theNearestRootAroundTheFolderCountsThenThoseBelowThenTheOnlyOne() {
    Daemon outer = daemon(1, "/no/p");
    Daemon inner = daemon(2, "/no/p/web");
    Daemon other = daemon(3, "/no/q", "/no/r");
    assertEquals(List.of(2L), chosen("/no/p/web/src", outer, inner, other));
    assertEquals(List.of(1L), chosen("/no/p/website", outer, inner, other));
    assertEquals(List.of(1L), chosen("/no/p", outer, inner, other));
    assertEquals(List.of(3L), chosen("/no/r/x", outer, inner, other));
    assertEquals(List.of(1L, 2L, 3L), chosen("/no", outer, inner, other));
    assertEquals(List.of(2L), chosen("/no", inner));
    assertEquals(List.of(2L), chosen("/elsewhere", inner));
    assertEquals(List.of(2L, 3L), chosen("/elsewhere", inner, other));
    assertEquals(List.of(), chosen("/elsewhere"));
    assertEquals(List.of(1L, 4L), chosen("/no/p/src", daemon(4, "/no/p"), outer));
  }

  /** Leaves the file of a daemon that listens there. */
  private static Path write(Path folder, long pid, ServerSocket here, String permissions)
      throws IOException {
    String control = "127.0.0.1:" + here.getLocalPort();
    Map<String, Object> said =
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
            "later",
            true);
    Path file = folder.resolve(pid + ".json");
    Files.writeString(file, Json.write(said));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
    return file;
  }

  @Test
  void aFolderOrFileThatOthersCanOpenIsNotTrusted(@TempDir Path outer) throws Exception {
    Path folder = Files.createDirectory(outer.resolve("pagewire"));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    long pid = ProcessHandle.current().pid();
    try (ServerSocket here = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      write(folder, pid, here, "rw-------");
      assertEquals(1, Discovery.running(folder).size());
      write(folder, pid, here, "rw-r--r--");
      assertEquals(0, Discovery.running(folder).size(), "a file of others");
      write(folder, pid, here, "rw-------");
      Path link = Files.createSymbolicLink(outer.resolve("link"), folder);
      assertThrows(IOException.class, () -> Discovery.running(link), "a link");
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
      assertThrows(IOException.class, () -> Discovery.running(folder), "a folder of others");
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    }
    assertEquals(0, Discovery.running(folder).size(), "nobody listens");
    assertEquals(0, Discovery.running(outer.resolve("none")).size(), "no folder");
  }

  @Test
  @Timeout(30)
  void aKilledDaemonIsDeadThoughItsParentHasNotAsked(@TempDir Path outer) throws Exception {
    Path folder = Files.createDirectory(outer.resolve("pagewire"));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    // Its parent becomes a program that never asks. Both end with our end of their input.
    String command = "exec 3<&0; cat <&3 & echo $!; exec cat";
    Process parent = new ProcessBuilder("sh", "-c", command).start();
    try (ServerSocket here = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
      long pid = Long.parseLong(parent.inputReader().readLine());
      write(folder, pid, here, "rw-------");
      assertEquals(1, Discovery.running(folder).size());
      ProcessHandle.of(pid).orElseThrow().destroyForcibly();
      while (!Discovery.running(folder).isEmpty()) {
        Thread.onSpinWait();
      }
      assertTrue(ProcessHandle.of(pid).isPresent(), "a zombie");
    } finally {
      parent.getOutputStream().close();
    }
  }
}

package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pagewire.client.testing.TestDaemon;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Signals to a process of its own; the conformance suite covers SIGINT. */
@Timeout(30)
class SignalsTest {
  /** Exit code of a process that SIGTERM has ended. */
  private static final int ENDED_BY_SIGTERM = 128 + 15;

  /** A plugin. With an argument, it never finishes its stop handler, nor the program. */
  static final class Program {
    public static void main(String[] args) throws InterruptedException {
      CountDownLatch end = new CountDownLatch(args.length);
      Plugin.named("signals")
          .serverStart(context -> System.out.println("started"))
          .serverStop(
              client -> {
                System.out.println("stopping");
                end.await();
              })
          .run();
      System.out.println("returned");
      end.await();
    }
  }

  /** A running program. */
  private static final class Running implements AutoCloseable {
    final Process process;
    private final BufferedReader lines;

    Running(TestDaemon daemon, String... args) throws IOException {
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  Program.class.getName()));
      command.addAll(List.of(args));
      process = Processes.start(daemon, command);
      lines = process.inputReader();
    }

    void expect(String line) throws IOException {
      assertEquals(line, lines.readLine());
    }

    void terminate() {
      // Unlike that of the process, this method does not close the process's output.
      process.toHandle().destroy();
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }

  @Test
  void aSignalMakesRunReturnAndMainEndNormally() throws Exception {
    try (TestDaemon daemon = TestDaemon.start();
        Running program = new Running(daemon)) {
      program.expect("started");
      program.terminate();
      program.expect("stopping");
      program.expect("returned");
      assertEquals(0, program.process.waitFor());
    }
  }

  @Test
  void aSecondSignalEndsTheProgramAtOnce() throws Exception {
    try (TestDaemon daemon = TestDaemon.start();
        Running program = new Running(daemon, "hang")) {
      program.expect("started");
      program.terminate();
      program.expect("stopping");
      program.terminate();
      assertEquals(ENDED_BY_SIGTERM, program.process.waitFor());
    }
  }
}

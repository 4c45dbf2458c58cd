package dev.pagewire.client;

import dev.pagewire.client.testing.TestDaemon;
import java.io.IOException;
import java.util.List;

/** Starts programs that use a daemon. */
final class Processes {
  private Processes() {}

  static Process start(TestDaemon daemon, List<String> command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().keySet().removeIf(name -> name.startsWith("PAGEWIRE_"));
    builder.environment().put("PAGEWIRE_ENDPOINT", daemon.endpoint().toString());
    builder.environment().put("PAGEWIRE_TOKEN", daemon.endpoint().token().orElseThrow());
    return builder.start();
  }
}

package dev.pagewire.conformance;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The runner of the conformance suite ({@code tests/conformance}): each command is one call of the
 * library.
 */
public final class Main {
  private Main() {}

  /** Executes the commands in the file named by the first argument, or on standard input. */
  public static void main(String[] args) throws IOException {
    Commands commands = new Commands();
    try (BufferedReader lines =
        args.length > 0
            ? Files.newBufferedReader(Path.of(args[0]))
            : new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        commands.perform(new JsonObject(line));
      }
    }
    commands.end(args.length == 0);
    System.exit(0);
  }
}

package dev.pagewire.client;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Runs the programs in {@code examples} with a daemon, until a page has seen what each does. */
final class Examples {
  /** What a page hears of each. */
  private static final Map<String, String> HEARD =
      Map.of(
          "TargetedReply", "\"n\":7",
          "ConsoleLog", "Hello from Pagewire",
          "VirtualModule", "/virtual/hello.js",
          "VirtualModuleParameters", "[\"Pagewire\",2]",
          "ReloadPage", "data:text/javascript,window.location.reload()",
          "CustomMessage", "{\"pages\":1}");

  /** What it gets. */
  private static final Map<String, String> GOT =
      Map.of(
          "/", "<h1>Hello from a plugin</h1>",
          "/virtual/hello.js", "Hello from a virtual module",
          "/virtual/greet.js", "export default (name, times)");

  private Examples() {}

  /** Starts each with this command, followed by its name. Fails when one differs, waits else. */
  public static void main(String[] command) throws Exception {
    Map<String, Process> running = new HashMap<>();
    try (TestDaemon daemon = TestDaemon.start(ProcessBuilder.Redirect.PIPE);
        Client client = Client.connect(daemon.endpoint());
        AutoCloseable end = () -> running.values().forEach(Process::destroy)) {
      running.put("Hello", start(command, "Hello", daemon));
      for (String example : HEARD.keySet()) {
        running.put(example, start(command, example, daemon));
      }
      // Not only there, but with all their hooks.
      while (ready(client) < running.size()) {
        Thread.onSpinWait();
      }
      try (TestPage page = daemon.open()) {
        page.say("{\"type\":\"ping\",\"n\":7}");
        List<String> missing = new ArrayList<>(HEARD.values());
        while (!missing.isEmpty()) {
          String heard = page.hear();
          missing.removeIf(heard::contains);
          if (heard.contains("/virtual/greet.js")) {
            page.say(result((Map<?, ?>) Json.read(heard, Map.class).get("data")));
          }
        }
      }
      is(
          "the page wrote 30",
          running.get("VirtualModuleParameters").inputReader().readLine(),
          "what the page returned");
      for (Map.Entry<String, String> got : GOT.entrySet()) {
        is(got.getValue(), daemon.get(got.getKey()).body(), got.getKey());
      }
    }
  }

  /** Waits until the daemon has it. */
  private static Process start(String[] command, String example, TestDaemon daemon)
      throws IOException {
    List<String> words = new ArrayList<>(List.of(command));
    words.add(example);
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.directory(daemon.folder().toFile()).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().keySet().removeIf(name -> name.startsWith("PAGEWIRE_"));
    builder.environment().put("XDG_RUNTIME_DIR", daemon.folder().toString());
    Process process = builder.start();
    String line;
    do {
      line = daemon.log().readLine();
    } while (!line.contains("plugin connected"));
    return process;
  }

  private static long ready(Client client) {
    return client.plugins().stream()
        .filter(plugin -> plugin.state() == PluginInfo.State.READY)
        .count();
  }

  /** What a page says that has imported something which returned 30. */
  private static String result(Map<?, ?> told) {
    return Json.write(
        Map.of(
            "type",
            "pagewire:result",
            "callId",
            told.get("callId"),
            "ok",
            true,
            "value",
            Map.of("json", 30)));
  }

  private static void is(String expected, String found, String what) {
    if (!found.contains(expected)) {
      throw new AssertionError(what + ": `" + expected + "` is not in `" + found + "`");
    }
  }
}

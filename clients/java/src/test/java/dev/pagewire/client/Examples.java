package dev.pagewire.client;

import dev.pagewire.client.testing.TestDaemon;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs the programs in {@code examples} with a daemon, and checks what a page receives from each.
 */
final class Examples {
  /** Part of a message that a page receives from each example. */
  private static final Map<String, String> MESSAGES =
      Map.of(
          "Hello", "/__pagewire__/code/",
          "TargetedReply", "\"n\":7",
          "ConsoleLog", "Hello from Pagewire",
          "VirtualModule", "/virtual/hello.js",
          "VirtualModuleParameters", "[\"Pagewire\",2]",
          "ReloadPage", "data:text/javascript,window.location.reload()",
          "CustomMessage", "{\"pages\":1}");

  /** Part of the response for each path. */
  private static final Map<String, String> RESPONSES =
      Map.of(
          "/", "<h1>Hello from a plugin</h1>",
          "/virtual/hello.js", "Hello from a virtual module",
          "/virtual/greet.js", "export default (name, times)");

  private Examples() {}

  /**
   * Starts each example with a command followed by the example's name. Blocks until all expected
   * messages have arrived, and fails if a response differs.
   */
  public static void main(String[] command) throws Exception {
    Map<String, Process> running = new HashMap<>();
    try (TestDaemon daemon = TestDaemon.start();
        AutoCloseable end = () -> running.values().forEach(Process::destroy)) {
      for (String example : MESSAGES.keySet()) {
        running.put(example, start(command, example, daemon));
        while (ready(daemon.client()) < running.size()) {
          Thread.onSpinWait();
        }
      }
      try (TestPage page = TestPage.open(daemon.url())) {
        page.send("{\"type\":\"ping\",\"n\":7}");
        List<String> missing = new ArrayList<>(MESSAGES.values());
        while (!missing.isEmpty()) {
          String message = page.receive();
          missing.removeIf(message::contains);
          if (message.contains("/virtual/greet.js")) {
            page.send(result((Map<?, ?>) Json.read(message, Map.class).get("data")));
          }
        }
      }
      assertContains(
          "the page wrote 30",
          running.get("VirtualModuleParameters").inputReader().readLine(),
          "output of VirtualModuleParameters");
      for (Map.Entry<String, String> response : RESPONSES.entrySet()) {
        assertContains(
            response.getValue(), daemon.get(response.getKey()).body(), response.getKey());
      }
    }
  }

  private static Process start(String[] command, String example, TestDaemon daemon)
      throws IOException {
    List<String> arguments = new ArrayList<>(List.of(command));
    arguments.add(example);
    return Processes.start(daemon, arguments);
  }

  private static long ready(Client client) {
    return client.plugins().stream()
        .filter(plugin -> plugin.state() == PluginInfo.State.READY)
        .count();
  }

  /** Returns the message with which a page reports that an imported module returned 30. */
  private static String result(Map<?, ?> call) {
    return Json.write(
        Map.of(
            "type",
            "pagewire:result",
            "callId",
            call.get("callId"),
            "ok",
            true,
            "value",
            Map.of("json", 30)));
  }

  private static void assertContains(String expected, String found, String what) {
    if (!found.contains(expected)) {
      throw new AssertionError(what + ": `" + expected + "` is not in `" + found + "`");
    }
  }
}

package dev.pagewire.client;

import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** Shortens the stack traces of handlers' exceptions. */
final class StackTraces {
  /** The classes that lead from the transport or a thread pool to a handler. */
  private static final Set<String> CALLERS =
      Set.of(
          "Callback",
          "EventDispatcher",
          "HandlerCall",
          "HandlerThreads",
          "HookStream",
          "PluginHandlers",
          "ResolveHook",
          "ServeHook",
          "SocketQueues",
          "StartGate",
          "TransformHook");

  private static final List<String> FOREIGN = List.of("io.grpc.", "java.", "jdk.");

  private StackTraces() {}

  /** Removes the frames below the handler's from an exception and its causes. */
  static void trim(Throwable error) {
    // The causes may form a cycle; the limit is far beyond any chain that people read.
    Throwable next = error;
    for (int i = 0; next != null && i < 100; i++) {
      StackTraceElement[] frames = next.getStackTrace();
      int end = frames.length;
      while (end > 0 && isBelowHandler(frames[end - 1].getClassName())) {
        end--;
      }
      // Without a frame of the program, all of them are of interest.
      if (end > 0 && end < frames.length) {
        next.setStackTrace(Arrays.copyOf(frames, end));
      }
      next = next.getCause();
    }
  }

  private static boolean isBelowHandler(String className) {
    String library = StackTraces.class.getPackageName() + ".";
    if (className.startsWith(library)) {
      return CALLERS.contains(className.substring(library.length()).replaceFirst("\\$.*", ""));
    }
    return FOREIGN.stream().anyMatch(className::startsWith);
  }
}

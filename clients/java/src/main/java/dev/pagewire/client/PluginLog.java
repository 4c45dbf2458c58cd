package dev.pagewire.client;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;

/** What plugins log, through the {@link System.Logger} with the name of this package. */
final class PluginLog {
  private static final Logger LOGGER = System.getLogger("dev.pagewire.client");

  private PluginLog() {}

  static void connected(Context context, boolean again) {
    String url = context.serverInfo().baseUrls().stream().findFirst().orElse("the daemon");
    LOGGER.log(
        Level.INFO,
        "connected to %s%s as \"%s\""
            .formatted(url.replaceFirst("/$", ""), again ? " again" : "", context.pluginName()));
  }

  static void lost(String reason, Duration delay) {
    LOGGER.log(
        Level.WARNING,
        "lost the daemon: %s; connecting again in %s s"
            .formatted(reason, delay.toMillis() / 1000.0));
  }

  static void lostEvents(long afterSequence, long beforeSequence) {
    LOGGER.log(
        Level.WARNING, "lost the events between " + afterSequence + " and " + beforeSequence);
  }

  /**
   * Logs the error of a handler, with its stack trace unless it is a {@link Failure}.
   *
   * @param what the hook or event that was handled
   */
  static void failed(String what, Throwable error) {
    if (error instanceof Failure failure) {
      LOGGER.log(Level.ERROR, what + " failed: " + failure.withLocation());
    } else {
      LOGGER.log(Level.ERROR, what + " failed: " + Failure.oneLine(error), error);
    }
  }
}

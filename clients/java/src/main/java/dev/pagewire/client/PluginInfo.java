package dev.pagewire.client;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A configured plugin, or a live session, or both.
 *
 * @param pluginName stable: key of configuration, order and logs
 * @param pluginVersion empty = no session, or not said
 * @param state how far it is
 * @param hooks the hooks that its session declared
 * @param serveOrderIndex 0-based place in the serve order, if it serves
 * @param pid its process if the daemon spawned it, else 0
 * @param restarts how often the daemon started it again
 * @param calls calls of its hooks
 * @param passes calls that it skipped
 * @param failures calls that ended as a failure of the plugin
 * @param timeouts calls whose deadline passed
 * @param lateResults results that were ignored
 * @param callLatencyP99 99th percentile of the time of a call; none = no calls yet
 */
public record PluginInfo(
    String pluginName,
    String pluginVersion,
    State state,
    List<Hook> hooks,
    int serveOrderIndex,
    int pid,
    int restarts,
    long calls,
    long passes,
    long failures,
    long timeouts,
    long lateResults,
    Optional<Duration> callLatencyP99) {
  /** The life of a plugin. */
  public enum State {
    /** The daemon gives a state that this version does not know. */
    UNKNOWN,
    /** Configured, without a session. */
    WAITING,
    /** Session open, declared hooks not all open. */
    STARTING,
    /** Session open, all declared hooks open. */
    READY,
    /** It exited too often and is not started again. */
    FAILED
  }

  /** What a plugin can take part in. */
  public enum Hook {
    /** A hook that this version does not know. */
    UNKNOWN,
    /** Answers requests. */
    SERVE,
    /** Changes responses. */
    TRANSFORM,
    /** Resolves imports. */
    RESOLVE_IMPORT,
    /** Hears messages. */
    SUBSCRIBE_MESSAGES
  }
}

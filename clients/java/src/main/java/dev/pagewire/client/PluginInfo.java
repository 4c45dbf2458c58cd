package dev.pagewire.client;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A configured plugin, a live session, or both.
 *
 * @param pluginName the stable name used in configuration, plugin order and logs
 * @param pluginVersion the version; empty without a session, or if the plugin reports none
 * @param state the plugin's state
 * @param hooks the hooks declared by its session
 * @param serveOrderIndex position in the serve order, from 0, if it serves
 * @param pid its process id if the daemon spawned it, else 0
 * @param restarts how often the daemon has restarted it
 * @param calls number of calls of its hooks
 * @param passes number of calls that it skipped
 * @param failures number of calls that failed in the plugin
 * @param timeouts number of calls that exceeded their timeout
 * @param lateResults number of results ignored because they came too late
 * @param callLatencyP99 99th percentile of the call latency, with the time in the queue; empty
 *     without calls
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
  /** State of a plugin. */
  public enum State {
    /** The daemon reported a state that this version does not know. */
    UNKNOWN,
    /** Configured, without a session. */
    WAITING,
    /** The session is open, but not yet all declared hooks. */
    STARTING,
    /** The session and all declared hooks are open. */
    READY,
    /** The plugin exited too often and is not restarted. */
    FAILED
  }

  /** Kind of hook. */
  public enum Hook {
    /** A hook that this version does not know. */
    UNKNOWN,
    /** Answers requests. */
    SERVE,
    /** Changes responses. */
    TRANSFORM,
    /** Resolves imports. */
    RESOLVE_IMPORT,
    /** Receives events. */
    SUBSCRIBE_MESSAGES
  }
}

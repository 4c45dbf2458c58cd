package dev.pagewire.client;

import java.time.Duration;
import java.util.Optional;

/**
 * Bounds in force in a daemon.
 *
 * @param maxMessageBytes largest single message to a page
 * @param maxBodyBytes largest body that a hook's call or result may carry inline
 * @param maxCallTimeout cap of a hook's call timeout; none while the daemon debugs
 * @param maxSocketQueueBytes bytes that may wait for one socket
 * @param eventLogEntries events that the log keeps at most; 0 = bounded by bytes alone
 * @param eventLogBytes bytes that the log keeps at most
 */
public record Limits(
    int maxMessageBytes,
    int maxBodyBytes,
    Optional<Duration> maxCallTimeout,
    int maxSocketQueueBytes,
    int eventLogEntries,
    long eventLogBytes) {}

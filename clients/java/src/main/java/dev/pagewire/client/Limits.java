package dev.pagewire.client;

import java.time.Duration;
import java.util.Optional;

/**
 * Limits of a daemon.
 *
 * @param maxMessageBytes largest single message to a page
 * @param maxBodyBytes largest body that a hook's call or result may carry inline
 * @param maxCallTimeout cap on a hook's call timeout; empty while the daemon is in debug mode
 * @param maxSocketQueueBytes bytes that may be queued for one socket
 * @param eventLogEntries maximum number of events in the log; 0 if only their bytes are limited
 * @param eventLogBytes maximum size of the log
 */
public record Limits(
    int maxMessageBytes,
    int maxBodyBytes,
    Optional<Duration> maxCallTimeout,
    int maxSocketQueueBytes,
    int eventLogEntries,
    long eventLogBytes) {}

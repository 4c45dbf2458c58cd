package dev.pagewire.client;

/**
 * Position in the daemon's event log. Sequence numbers are comparable only within one epoch.
 *
 * @param epoch identifies one run of the daemon; compare for equality only
 * @param sequence the number of the last event up to this position; 0 before the first event
 */
public record Position(String epoch, long sequence) {}

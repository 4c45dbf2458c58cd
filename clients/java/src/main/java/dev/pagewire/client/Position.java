package dev.pagewire.client;

/**
 * A place in the daemon's event log. Compare sequences only within one epoch.
 *
 * @param epoch names one run of the daemon; compare for equality only
 * @param sequence the number of the last event at this place; 0 = before the first
 */
public record Position(String epoch, long sequence) {}

package dev.pagewire.client;

/**
 * What a page gets when a plugin does not answer because it is too slow, overloaded or
 * disconnected.
 */
public enum FailureMode {
  /** An error response with status 502, 503 or 504. */
  FAIL,
  /** The response without this plugin, as if it had skipped; a response header reports it. */
  SKIP
}

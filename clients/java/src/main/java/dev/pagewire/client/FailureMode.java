package dev.pagewire.client;

/** What pages get when a plugin did not answer: it is too slow, overloaded or gone. */
public enum FailureMode {
  /** They are told, by 502, 503 or 504. */
  FAIL,
  /** As if the plugin had skipped; a response header says so. */
  SKIP
}

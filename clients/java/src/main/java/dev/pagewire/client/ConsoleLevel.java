package dev.pagewire.client;

/** Method of the browser's console. */
public enum ConsoleLevel {
  /** {@code console.log}. */
  LOG,
  /** {@code console.debug}; most consoles hide it by default. */
  DEBUG,
  /** {@code console.info}. */
  INFO,
  /** {@code console.warn}. */
  WARN,
  /** {@code console.error}. */
  ERROR
}

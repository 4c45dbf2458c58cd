package dev.pagewire.client;

/**
 * Declines a request: it goes to the next plugin, or to the file system.
 *
 * @param isRemembered whether the daemon may cache the skip
 */
public record Skip(boolean isRemembered) implements Outcome {
  /** Creates a skip that is not cached. */
  public Skip() {
    this(false);
  }

  /** {@return a skip that the daemon caches for the same request, until it is invalidated} */
  public static Skip remember() {
    return new Skip(true);
  }
}

package dev.pagewire.client;

/**
 * Not mine: the next plugin is asked, or the file system.
 *
 * @param isRemembered whether the daemon may do without asking again
 */
public record Skip(boolean isRemembered) implements Outcome {
  /** Skips this request. */
  public Skip() {
    this(false);
  }

  /** {@return a skip that also counts for the same request later, until it is invalidated} */
  public static Skip remember() {
    return new Skip(true);
  }
}

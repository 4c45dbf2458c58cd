package dev.pagewire.client;

import java.nio.file.Path;

/**
 * A watched file changed.
 *
 * @param filePath the file's absolute path on the daemon's machine
 * @param urlPath the URL path at which the file is served; empty if it is not served
 * @param kind the kind of change
 */
public record FileChanged(Path filePath, String urlPath, Kind kind) implements Event.What {
  /**
   * {@return the file's absolute path}
   *
   * @deprecated Use {@link #filePath}.
   */
  @Deprecated
  public Path file() {
    return filePath;
  }

  /** Kind of change to a file. */
  public enum Kind {
    /** A kind that this version does not know. */
    UNKNOWN,
    /** The file was created. */
    CREATED,
    /** The file's content changed. */
    MODIFIED,
    /** The file was removed. */
    REMOVED,
    /** An editor's unsaved text changed; the file itself did not. */
    BUFFER
  }
}

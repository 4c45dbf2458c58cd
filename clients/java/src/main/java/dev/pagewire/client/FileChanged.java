package dev.pagewire.client;

import java.nio.file.Path;

/**
 * A watched file changed.
 *
 * @param file the file, absolute, on the daemon's machine
 * @param urlPath the URL path it is served under; empty = none
 * @param kind what happened to it
 */
public record FileChanged(Path file, String urlPath, Kind kind) implements Event.What {
  /** A change to a file. */
  public enum Kind {
    /** A kind that this version does not know. */
    UNKNOWN,
    /** It did not exist before. */
    CREATED,
    /** Its content changed. */
    MODIFIED,
    /** It exists no more. */
    REMOVED,
    /** An editor's unsaved text; the file itself did not change. */
    BUFFER
  }
}

package dev.pagewire.client;

import java.nio.file.Path;

/** A token file cannot be read, or contains no token. */
public final class TokenFileException extends PagewireException {
  private static final long serialVersionUID = 1;
  private final transient Path path;

  TokenFileException(Path path, String problem) {
    super(
        "cannot read the token from "
            + path
            + ": "
            + problem
            + " (pass the file that the daemon wrote)");
    this.path = path;
  }

  /** {@return the file} */
  public Path path() {
    return path;
  }
}

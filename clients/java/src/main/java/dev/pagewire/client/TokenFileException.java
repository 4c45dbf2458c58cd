package dev.pagewire.client;

import java.nio.file.Path;

/** The file that should hold the token is of no use. */
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

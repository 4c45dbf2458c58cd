package dev.pagewire.client;

/** An import has no value in a page; thrown by {@link ImportRow#orThrow}. */
public final class ImportException extends PagewireException {
  private static final long serialVersionUID = 1;
  private final transient ImportError error;

  ImportException(ImportError error) {
    super(error.toString());
    this.error = error;
  }

  /** {@return why there is no value} */
  public ImportError error() {
    return error;
  }
}

package dev.pagewire.client;

/** A page has no value to show for an import: what {@link ImportRow#orThrow} throws then. */
public final class ImportException extends PagewireException {
  private static final long serialVersionUID = 1;
  private final transient ImportError error;

  ImportException(ImportError error) {
    super(error.toString());
    this.error = error;
  }

  /** {@return why there is none} */
  public ImportError error() {
    return error;
  }
}

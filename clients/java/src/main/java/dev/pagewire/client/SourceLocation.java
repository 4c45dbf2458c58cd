package dev.pagewire.client;

/**
 * Location in a source file, as a {@link Failure} names it.
 *
 * @param file the file, as the author of the failure named it; empty if unknown
 * @param line line number from 1; 0 if unknown
 * @param column column number from 1; 0 if unknown
 * @param frame the source lines around it; may be empty
 */
public record SourceLocation(String file, int line, int column, String frame) {
  static SourceLocation fromWire(dev.pagewire.v1.SourceLocation location) {
    return new SourceLocation(
        location.getFile(), location.getLine(), location.getColumn(), location.getFrame());
  }

  /** {@return the known parts of file, line and column: {@code file:3:7}} */
  @Override
  public String toString() {
    StringBuilder place = new StringBuilder(file);
    for (int number : new int[] {line, column}) {
      if (number > 0) {
        place.append(place.isEmpty() ? "" : ":").append(number);
      }
    }
    return place.toString();
  }
}

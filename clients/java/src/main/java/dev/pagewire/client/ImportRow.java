package dev.pagewire.client;

import java.time.Duration;
import java.util.Optional;

/**
 * Result of an awaited import in one page: a value or an error.
 *
 * @param socketId the page's socket
 * @param value what the default export returned, or what its promise resolved to
 * @param error why there is no value
 * @param elapsed time from selection until the page answered or the daemon stopped waiting, by the
 *     daemon's clock
 */
public record ImportRow(
    String socketId, Optional<JsValue> value, Optional<ImportError> error, Duration elapsed) {
  /**
   * Returns the value.
   *
   * @return the value
   * @throws ImportException when there is no value
   */
  public JsValue orThrow() {
    return value.orElseThrow(() -> new ImportException(error.orElseThrow()));
  }
}

package dev.pagewire.client;

import java.time.Duration;
import java.util.Optional;

/**
 * What one page made of an awaited import: a value or an error.
 *
 * @param socketId the page's socket
 * @param value what the default export returned, or its promise resolved to
 * @param error why there is no value
 * @param elapsed from selection to the answer, or to giving up, by the daemon's clock
 */
public record ImportRow(
    String socketId, Optional<JsValue> value, Optional<ImportError> error, Duration elapsed) {
  /**
   * The value.
   *
   * @return the value
   * @throws ImportException when there is none
   */
  public JsValue orThrow() {
    return value.orElseThrow(() -> new ImportException(error.orElseThrow()));
  }
}

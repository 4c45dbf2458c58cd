package dev.pagewire.client;

import dev.pagewire.v1.ImportMode;
import dev.pagewire.v1.SendImportRequest;
import java.time.Duration;
import java.util.Optional;

/**
 * Module for pages to {@code import()}, with the arguments for its default export. Immutable.
 *
 * <pre>{@code
 * Import.code("export default (a, b) => a + b").arg(1).arg(2)
 * }</pre>
 */
public final class Import {
  private final SendImportRequest wire;

  private Import(SendImportRequest.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * Imports a module by its URL.
   *
   * @param path a URL as a page would import it: {@code /x.js}, {@code https://...}
   * @return the import
   */
  public static Import path(String path) {
    return new Import(SendImportRequest.newBuilder().setImportPath(path));
  }

  /**
   * Imports a module from its source. The daemon serves it from the pages' own origin, so it
   * complies with a strict content security policy, has proper stack traces, and is evaluated each
   * time.
   *
   * @param source JavaScript
   * @return the import
   */
  public static Import code(String source) {
    return new Import(SendImportRequest.newBuilder().setCode(source));
  }

  /**
   * Adds an argument for the default export.
   *
   * @param value a value that {@link Json} can write
   * @return the import with the argument
   * @throws JsonException when the value cannot be written as JSON
   */
  public Import arg(Object value) {
    return argJson(Json.write(value));
  }

  /**
   * Adds an argument for the default export, as JSON text that reaches the page verbatim.
   *
   * @param json JSON text; the daemon refuses invalid JSON
   * @return the import with the argument
   */
  public Import argJson(String json) {
    return new Import(wire.toBuilder().addArgsJson(json));
  }

  /**
   * Evaluates the module again in pages that have already loaded it. By default they reuse it.
   *
   * @return the import
   */
  public Import fresh() {
    return new Import(wire.toBuilder().setMode(ImportMode.IMPORT_MODE_FRESH));
  }

  /**
   * Sets how long to wait for each page; a page that takes longer gets a row with {@code TIMEOUT}.
   * Default 10 s, or the client's {@link Client#withDeadline deadline}.
   *
   * @param timeout the timeout
   * @return the import
   */
  public Import timeout(Duration timeout) {
    return new Import(wire.toBuilder().setTimeout(ToWire.duration(timeout)));
  }

  /**
   * Limits the result of one page; a larger result is cut off ({@link JsValue.Truncated}). Default
   * 1 MiB. All rows together have at most 3 MiB.
   *
   * @param bytes the size
   * @return the import
   */
  public Import maxResultBytes(int bytes) {
    return new Import(wire.toBuilder().setMaxResultBytes(bytes));
  }

  Optional<Duration> timeout() {
    return wire.hasTimeout() ? Optional.of(FromWire.duration(wire.getTimeout())) : Optional.empty();
  }

  SendImportRequest.Builder toWire(Target target) {
    return wire.toBuilder().setTarget(target.toWire());
  }
}

package dev.pagewire.client;

import dev.pagewire.v1.ImportMode;
import dev.pagewire.v1.SendImportRequest;
import java.time.Duration;
import java.util.Optional;

/**
 * A module for pages to {@code import()}, and what to call its default export with. Immutable.
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
   * A module that pages find.
   *
   * @param path a URL as a page would import it: {@code /x.js}, {@code https://...}
   * @return the import
   */
  public static Import path(String path) {
    return new Import(SendImportRequest.newBuilder().setImportPath(path));
  }

  /**
   * The source of a module. The daemon serves it from the pages' own origin, so it passes a strict
   * content security policy, has real stack traces, and is evaluated each time.
   *
   * @param source JavaScript
   * @return the import
   */
  public static Import code(String source) {
    return new Import(SendImportRequest.newBuilder().setCode(source));
  }

  /**
   * One more argument of the default export.
   *
   * @param value a value, as {@link Json} writes it
   * @return the import with it
   * @throws JsonException when it cannot be JSON
   */
  public Import arg(Object value) {
    return argJson(Json.write(value));
  }

  /**
   * One more argument of the default export, as JSON text that reaches the page verbatim.
   *
   * @param json JSON text; the daemon refuses what does not parse
   * @return the import with it
   */
  public Import argJson(String json) {
    return new Import(wire.toBuilder().addArgsJson(json));
  }

  /**
   * Evaluates the module again in pages that have it already. Default: they use what they have.
   *
   * @return the import
   */
  public Import fresh() {
    return new Import(wire.toBuilder().setMode(ImportMode.IMPORT_MODE_FRESH));
  }

  /**
   * How long pages may take when they are waited for; those that overrun are rows. Default 10 s, or
   * the client's {@link Client#withDeadline deadline}.
   *
   * @param timeout the time
   * @return the import
   */
  public Import timeout(Duration timeout) {
    return new Import(wire.toBuilder().setTimeout(ToWire.duration(timeout)));
  }

  /**
   * Largest result of one page; a larger one is {@link JsValue.Truncated}. Default 1 MiB. All rows
   * together share 3 MiB.
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

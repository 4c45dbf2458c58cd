package dev.pagewire.client;

import dev.pagewire.v1.HookFailure;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Failure that a hook's handler throws for an input that it is responsible for but cannot process,
 * such as a syntax error. The page shows it to the developer, and recovers when the cause is fixed.
 *
 * <pre>{@code
 * throw new Failure("unexpected `}`").at("/src/a.vue", 3, 7);
 * }</pre>
 */
public final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1;
  private final transient HookFailure.Builder wire = HookFailure.newBuilder();

  /**
   * Creates a failure.
   *
   * @param message what went wrong, as text for humans
   */
  public Failure(String message) {
    super(message);
    wire.setMessage(message);
  }

  /**
   * Sets the HTTP status of the error page. Default 500.
   *
   * @param status the status
   * @return this failure
   */
  public Failure status(int status) {
    wire.setStatus(status);
    return this;
  }

  /**
   * Sets the stack trace to show. Default none.
   *
   * @param stack the trace, shown verbatim
   * @return this failure
   */
  public Failure stack(String stack) {
    wire.setStack(stack);
    return this;
  }

  /**
   * Sets the location of the cause in the source.
   *
   * @param file the file, shown verbatim
   * @param line line number from 1; 0 if unknown
   * @param column column number from 1; 0 if unknown
   * @return this failure
   */
  public Failure at(String file, int line, int column) {
    wire.getLocationBuilder().setFile(file).setLine(line).setColumn(column);
    return this;
  }

  /**
   * Sets the source lines around the cause.
   *
   * @param frame the lines, shown verbatim
   * @return this failure
   */
  public Failure frame(String frame) {
    wire.getLocationBuilder().setFrame(frame);
    return this;
  }

  /**
   * Adds files whose change may fix the cause: with {@code --watch}, pages that show the failure
   * then reload.
   *
   * @param files absolute paths
   * @return this failure
   */
  public Failure dependsOn(Path... files) {
    for (Path file : files) {
      wire.addDependsOnFiles(file.toString());
    }
    return this;
  }

  /** {@return the HTTP status of the error page} */
  public int status() {
    return wire.getStatus() == 0 ? 500 : wire.getStatus();
  }

  /** {@return the location of the cause, if it was set} */
  public Optional<SourceLocation> location() {
    return wire.hasLocation()
        ? Optional.of(SourceLocation.fromWire(wire.getLocation()))
        : Optional.empty();
  }

  /** {@return the files whose change may fix the cause} */
  public List<Path> dependsOn() {
    return FromWire.paths(wire.getDependsOnFilesList());
  }

  /**
   * Converts an exception of a handler: a failure as it is, anything else to its text and stack
   * trace.
   */
  static HookFailure toWire(Throwable error) {
    if (error instanceof Failure failure) {
      return failure.wire.build();
    }
    StringWriter stack = new StringWriter();
    error.printStackTrace(new PrintWriter(stack));
    HookFailure.Builder wire =
        HookFailure.newBuilder().setMessage(oneLine(error)).setStack(stack.toString().strip());
    if (error instanceof BodyTooLargeException body) {
      wire.setStatus(body.status());
    }
    return wire.build();
  }

  /** Returns the message and, as far as it is known, the location: {@code text (file:3:7)}. */
  String withLocation() {
    String place = SourceLocation.fromWire(wire.getLocation()).toString();
    return place.isEmpty() ? getMessage() : getMessage() + " (" + place + ")";
  }

  /** Returns the text of an exception and its causes on one line. */
  static String oneLine(Throwable error) {
    StringBuilder text = new StringBuilder(describe(error));
    for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
      String description = describe(cause);
      if (text.indexOf(description) < 0) {
        text.append(": ").append(description);
      }
    }
    return text.toString();
  }

  private static final List<Class<?>> GENERIC_CLASSES =
      List.of(Exception.class, RuntimeException.class, Failure.class);

  /** Returns the message, preceded by the class name if that adds information. */
  private static String describe(Throwable error) {
    String message = error.getMessage();
    if (message == null || message.isBlank()) {
      return error.getClass().getSimpleName();
    }
    boolean generic =
        error instanceof PagewireException || GENERIC_CLASSES.contains(error.getClass());
    return generic ? message : error.getClass().getSimpleName() + ": " + message;
  }
}

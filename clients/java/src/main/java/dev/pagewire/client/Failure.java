package dev.pagewire.client;

import dev.pagewire.v1.HookFailure;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;

/**
 * Mine, but broken: a considered failure, a syntax error say. A hook's handler throws it. The
 * developer sees it in the page, and the page recovers by itself when the cause is fixed.
 *
 * <pre>{@code
 * throw new Failure("unexpected `}`").at("/src/a.vue", 3, 7);
 * }</pre>
 */
public final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1;
  private final transient HookFailure.Builder wire = HookFailure.newBuilder();

  /**
   * A failure.
   *
   * @param message what went wrong, for people
   */
  public Failure(String message) {
    super(message);
    wire.setMessage(message);
  }

  /**
   * The HTTP status for the page. Default 500.
   *
   * @param status the status
   * @return this
   */
  public Failure status(int status) {
    wire.setStatus(status);
    return this;
  }

  /**
   * A stack trace, as it should be printed. Default none.
   *
   * @param stack the trace
   * @return this
   */
  public Failure stack(String stack) {
    wire.setStack(stack);
    return this;
  }

  /**
   * Where in the source the cause is.
   *
   * @param file the file, as it should be named
   * @param line counted from 1; 0 = unknown
   * @param column counted from 1; 0 = unknown
   * @return this
   */
  public Failure at(String file, int line, int column) {
    wire.getLocationBuilder().setFile(file).setLine(line).setColumn(column);
    return this;
  }

  /**
   * The lines around the cause, as they should be shown.
   *
   * @param frame the lines
   * @return this
   */
  public Failure frame(String frame) {
    wire.getLocationBuilder().setFrame(frame);
    return this;
  }

  /**
   * Further files whose change may mend it: with {@code --watch}, pages that met the failure then
   * ask again.
   *
   * @param files absolute paths
   * @return this
   */
  public Failure dependsOn(Path... files) {
    for (Path file : files) {
      wire.addDependsOnFiles(file.toString());
    }
    return this;
  }

  /** The failure that an exception of a handler is: itself, or its text and its stack. */
  static HookFailure toWire(Throwable error) {
    if (error instanceof Failure failure) {
      return failure.wire.build();
    }
    StringWriter stack = new StringWriter();
    error.printStackTrace(new PrintWriter(stack));
    return HookFailure.newBuilder()
        .setMessage(oneLine(error))
        .setStack(stack.toString().strip())
        .build();
  }

  /** An exception and its causes in one line. */
  static String oneLine(Throwable error) {
    StringBuilder text = new StringBuilder(words(error));
    for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
      String words = words(cause);
      if (text.indexOf(words) < 0) {
        text.append(": ").append(words);
      }
    }
    return text.toString();
  }

  private static final List<Class<?>> NAMELESS =
      List.of(Exception.class, RuntimeException.class, Failure.class);

  /** The message alone, where the class adds nothing to it. */
  private static String words(Throwable error) {
    String message = error.getMessage();
    if (message == null || message.isBlank()) {
      return error.getClass().getSimpleName();
    }
    boolean nameless = error instanceof PagewireException || NAMELESS.contains(error.getClass());
    return nameless ? message : error.getClass().getSimpleName() + ": " + message;
  }
}

package dev.pagewire.client;

import java.util.List;

/**
 * A call of a page's console.
 *
 * @param socketId the page's socket
 * @param level the console method
 * @param args the arguments as passed; a format string is not expanded
 * @param stack the call stack of errors and warnings, in the browser's own format; may be empty
 * @param url the script that called the console; empty if unknown
 * @param line line of the call in the script, from 1; 0 if unknown
 * @param column column of the call in its line, from 1; 0 if unknown
 */
public record ConsoleEntry(
    String socketId,
    ConsoleLevel level,
    List<JsValue> args,
    String stack,
    String url,
    int line,
    int column)
    implements Event.What {
  /**
   * Creates an entry whose place is unknown.
   *
   * @param socketId the page's socket
   * @param level the console method
   * @param args the arguments
   * @param stack the call stack
   * @deprecated Pass the place of the call too.
   */
  @Deprecated
  public ConsoleEntry(String socketId, ConsoleLevel level, List<JsValue> args, String stack) {
    this(socketId, level, args, stack, "", 0, 0);
  }
}

package dev.pagewire.client;

import java.util.List;

/**
 * A call of a page's console.
 *
 * @param socketId the page's socket
 * @param level the console method
 * @param args the arguments as passed; a format string is not expanded
 * @param stack the call's stack trace, in the browser's own format; empty if unknown
 */
public record ConsoleEntry(String socketId, ConsoleLevel level, List<JsValue> args, String stack)
    implements Event.What {}

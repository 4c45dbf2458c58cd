package dev.pagewire.client;

import java.util.List;

/**
 * What a page wrote to its console.
 *
 * @param socketId the page's socket
 * @param level the console method used
 * @param args the arguments as passed, a format string unexpanded
 * @param stack where it was called, in the browser's own format; empty = not known
 */
public record ConsoleEntry(String socketId, ConsoleLevel level, List<JsValue> args, String stack)
    implements Event.What {}

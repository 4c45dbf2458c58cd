/**
 * Write Pagewire plugins and tools in Java: programs that serve parts of a web page, send to the
 * pages that are open, and hear what they say.
 *
 * <p>Begin with {@link dev.pagewire.client.Plugin}, or without a plugin with {@link
 * dev.pagewire.client.Client}. Everything that waits says so; nothing of this library keeps a
 * program alive but a thread that is in {@link dev.pagewire.client.Plugin#run()}.
 */
package dev.pagewire.client;

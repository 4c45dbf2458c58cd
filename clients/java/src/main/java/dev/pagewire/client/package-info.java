/**
 * Client library for writing Pagewire plugins and tools: programs that serve parts of a web page,
 * send messages to open pages, and receive messages from them.
 *
 * <p>Start with {@link dev.pagewire.client.Plugin}, or without a plugin with {@link
 * dev.pagewire.client.Client}. Methods that block say so. Only a thread inside {@link
 * dev.pagewire.client.Plugin#run()} keeps the program alive; all threads of this library are daemon
 * threads.
 */
package dev.pagewire.client;

package dev.pagewire.client;

/**
 * A socket was connected.
 *
 * @param socket as it was when it opened; its page may not have said what it is
 * @param previousSocketId the socket that the same document had before; empty = none
 */
public record SocketOpened(Socket socket, String previousSocketId) implements Event.What {}

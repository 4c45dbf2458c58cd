package dev.pagewire.client;

/**
 * A socket connected.
 *
 * @param socket the socket as it opened; its page may not have reported its details yet
 * @param previousSocketId the previous socket of the same document; empty if there was none
 */
public record SocketOpened(Socket socket, String previousSocketId) implements Event.What {}

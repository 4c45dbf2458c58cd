package dev.pagewire.client;

/**
 * A socket became ready, or the details reported by its page changed.
 *
 * @param socket the complete socket, after the change
 */
public record SocketUpdated(Socket socket) implements Event.What {}

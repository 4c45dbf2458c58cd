package dev.pagewire.client;

/**
 * A socket became ready, or what is known of it changed.
 *
 * @param socket the whole socket, after the change
 */
public record SocketUpdated(Socket socket) implements Event.What {}

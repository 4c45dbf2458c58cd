package dev.pagewire.client;

/**
 * A socket that was selected and not reached.
 *
 * @param socketId the socket, or the id that was asked for
 * @param status why
 */
public record Unreached(String socketId, DeliveryStatus status) {}

package dev.pagewire.client;

/**
 * A selected socket that was not reached.
 *
 * @param socketId the socket, or the requested id
 * @param status why it was not reached
 */
public record Unreached(String socketId, DeliveryStatus status) {}

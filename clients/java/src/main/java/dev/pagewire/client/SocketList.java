package dev.pagewire.client;

import java.util.List;

/**
 * The sockets of one instant.
 *
 * @param sockets the sockets, in no particular order
 * @param position the instant: subscribe after it to miss nothing later
 */
public record SocketList(List<Socket> sockets, Position position) {}

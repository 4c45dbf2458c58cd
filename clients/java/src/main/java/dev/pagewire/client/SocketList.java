package dev.pagewire.client;

import java.util.List;

/**
 * Snapshot of the sockets.
 *
 * @param sockets the sockets, in no particular order
 * @param position the snapshot's position in the event log; subscribing after it misses no later
 *     event
 */
public record SocketList(List<Socket> sockets, Position position) {}

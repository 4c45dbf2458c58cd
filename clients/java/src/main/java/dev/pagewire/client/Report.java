package dev.pagewire.client;

import java.util.List;

/**
 * Result of a send. The {@code reached} sockets and the rows of {@code unreached} are together
 * exactly the selected sockets.
 *
 * @param reached how many sockets were reached
 * @param unreached a row for each selected socket that was not reached, in no particular order
 * @param reachedSocketIds the ids of the reached sockets, if requested with {@link
 *     Client#listingReached}
 * @param position position in the event log at selection; events caused by the send come after it
 */
public record Report(
    int reached, List<Unreached> unreached, List<String> reachedSocketIds, Position position) {
  /** {@return how many sockets were selected} */
  public int selected() {
    return reached + unreached.size();
  }

  /** {@return whether at least one socket was selected and every selected socket was reached} */
  public boolean reachedAll() {
    return reached > 0 && unreached.isEmpty();
  }
}

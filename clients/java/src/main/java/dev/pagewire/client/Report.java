package dev.pagewire.client;

import java.util.List;

/**
 * What became of a send: {@code reached} and the rows of {@code unreached} are together exactly the
 * sockets that were selected.
 *
 * @param reached how many sockets were reached; 0 without rows: nobody was selected
 * @param unreached a row for each selected socket that was not, in no particular order
 * @param reachedSocketIds those that were, if asked for with {@link Client#listingReached}
 * @param position place in the event log at selection: what the send causes comes after it
 */
public record Report(
    int reached, List<Unreached> unreached, List<String> reachedSocketIds, Position position) {
  /** {@return how many sockets were selected} */
  public int selected() {
    return reached + unreached.size();
  }

  /** {@return whether at least one socket was selected, and all that were are reached} */
  public boolean reachedAll() {
    return reached > 0 && unreached.isEmpty();
  }
}

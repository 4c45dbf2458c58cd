package dev.pagewire.client;

/**
 * Event handler that returns nothing. May throw any exception.
 *
 * @param <E> type of the event
 */
@FunctionalInterface
public interface EventHandler<E> {
  /**
   * Handles an event.
   *
   * @param event the event
   * @param client the client that the plugin uses
   * @throws Exception when the handler fails
   */
  void handle(E event, Client client) throws Exception;
}

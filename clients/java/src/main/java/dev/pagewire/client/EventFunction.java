package dev.pagewire.client;

/**
 * Event handler that returns a value. May throw any exception.
 *
 * @param <E> type of the event
 * @param <R> type of the result
 */
@FunctionalInterface
public interface EventFunction<E, R> {
  /**
   * Handles an event.
   *
   * @param event the event
   * @param client the client that the plugin uses
   * @return the result
   * @throws Exception when the handler fails
   */
  R handle(E event, Client client) throws Exception;
}

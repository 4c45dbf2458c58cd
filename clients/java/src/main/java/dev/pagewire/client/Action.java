package dev.pagewire.client;

/**
 * Handler that returns nothing, such as a start or stop handler. May throw any exception.
 *
 * @param <T> type of the input
 */
@FunctionalInterface
public interface Action<T> {
  /**
   * Handles the input.
   *
   * @param input what the handler is called with
   * @throws Exception when the handler fails
   */
  void run(T input) throws Exception;
}

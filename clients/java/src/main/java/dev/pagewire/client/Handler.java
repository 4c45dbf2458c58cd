package dev.pagewire.client;

/**
 * Handler that returns a value. May throw any exception.
 *
 * @param <I> type of the input
 * @param <O> type of the result
 */
@FunctionalInterface
public interface Handler<I, O> {
  /**
   * Handles an input.
   *
   * @param input the request, response, module or event to handle
   * @return the result, or null for none
   * @throws Exception when the handler fails
   */
  O handle(I input) throws Exception;
}

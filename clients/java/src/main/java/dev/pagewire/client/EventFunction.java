package dev.pagewire.client;

/**
 * What a plugin makes of something that happened. It may throw anything.
 *
 * @param <E> what happened
 * @param <R> what it makes
 */
@FunctionalInterface
public interface EventFunction<E, R> {
  /**
   * Makes something of it.
   *
   * @param event what happened
   * @param client the connection that the plugin runs on
   * @return what it makes
   * @throws Exception when it fails
   */
  R handle(E event, Client client) throws Exception;
}

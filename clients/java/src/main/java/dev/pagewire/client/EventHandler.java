package dev.pagewire.client;

/**
 * What a plugin does when something happens. It may throw anything.
 *
 * @param <E> what happened
 */
@FunctionalInterface
public interface EventHandler<E> {
  /**
   * Does it.
   *
   * @param event what happened
   * @param client the connection that the plugin runs on
   * @throws Exception when it fails
   */
  void handle(E event, Client client) throws Exception;
}

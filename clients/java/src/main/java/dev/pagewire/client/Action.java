package dev.pagewire.client;

/**
 * What a plugin does with something. It may throw anything.
 *
 * @param <T> what it gets
 */
@FunctionalInterface
public interface Action<T> {
  /**
   * Does it.
   *
   * @param input what there is
   * @throws Exception when it fails
   */
  void run(T input) throws Exception;
}

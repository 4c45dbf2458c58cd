package dev.pagewire.client;

/**
 * What a plugin makes of something. It may throw anything.
 *
 * @param <I> what it gets
 * @param <O> what it makes
 */
@FunctionalInterface
public interface Handler<I, O> {
  /**
   * Makes something of the input.
   *
   * @param input what there is
   * @return what it makes; null = nothing
   * @throws Exception when it cannot
   */
  O handle(I input) throws Exception;
}

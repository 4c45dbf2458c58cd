package dev.pagewire.client;

/** A plugin was declared incorrectly, or its start or stop handler failed. */
public final class PluginException extends PagewireException {
  private static final long serialVersionUID = 1;

  PluginException(String plugin, String problem, Throwable cause) {
    super("plugin `" + plugin + "`: " + problem, cause);
  }
}

package dev.pagewire.client;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Nothing names a daemon, and several could be meant: they are equally near the folder. */
public final class SeveralDaemonsException extends PagewireException {
  private static final long serialVersionUID = 1;
  private final transient List<Daemon> daemons;

  SeveralDaemonsException(Path folder, List<Daemon> daemons) {
    super(
        daemons.size()
            + " daemons could be meant in "
            + folder
            + " (name one: pass its control address, or set PAGEWIRE_ENDPOINT to it)"
            + daemons.stream().map(daemon -> "\n  " + daemon).collect(Collectors.joining()));
    this.daemons = daemons;
  }

  /** {@return those that could be meant} */
  public List<Daemon> daemons() {
    return daemons;
  }
}

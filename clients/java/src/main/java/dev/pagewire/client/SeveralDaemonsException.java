package dev.pagewire.client;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** No endpoint was named, and several running daemons fit the folder equally well. */
public final class SeveralDaemonsException extends PagewireException {
  private static final long serialVersionUID = 1;
  private final transient List<Daemon> daemons;

  SeveralDaemonsException(Path folder, List<Daemon> daemons) {
    super(
        daemons.size()
            + " daemons fit equally well in "
            + folder
            + " (pass the control address of one, or set PAGEWIRE_ENDPOINT to it)"
            + daemons.stream().map(daemon -> "\n  " + daemon).collect(Collectors.joining()));
    this.daemons = daemons;
  }

  /** {@return the daemons that fit equally well} */
  public List<Daemon> daemons() {
    return daemons;
  }
}

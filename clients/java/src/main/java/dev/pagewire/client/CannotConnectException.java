package dev.pagewire.client;

/** No daemon answers at the endpoint. */
public final class CannotConnectException extends PagewireException {
  private static final long serialVersionUID = 1;

  CannotConnectException(Endpoint endpoint, String problem) {
    super(
        "cannot connect to the daemon at "
            + endpoint
            + ": "
            + problem
            + " (start `pagewire`, or pass the control endpoint that it prints when it is ready)");
  }
}

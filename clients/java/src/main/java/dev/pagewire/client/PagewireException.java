package dev.pagewire.client;

/**
 * Why an operation failed. What happened at one page is never an exception: it is a row of the
 * operation's report.
 */
public abstract sealed class PagewireException extends RuntimeException
    permits CannotConnectException,
        DisconnectedException,
        EndpointException,
        ImportException,
        JsonException,
        NoDaemonException,
        PluginException,
        RpcException,
        SeveralDaemonsException,
        TokenFileException,
        UnexpectedAnswerException {
  private static final long serialVersionUID = 1;

  PagewireException(String message) {
    super(message);
  }

  PagewireException(String message, Throwable cause) {
    super(message, cause);
  }
}

package dev.pagewire.client;

/**
 * Base class of this library's exceptions. Problems of a single page are not exceptions, but rows
 * of an operation's report.
 */
public abstract sealed class PagewireException extends RuntimeException
    permits BodyTooLargeException,
        CannotConnectException,
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

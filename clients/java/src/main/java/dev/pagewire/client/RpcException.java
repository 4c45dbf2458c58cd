package dev.pagewire.client;

import io.grpc.Status;
import java.util.List;

/** The daemon refused a call or ended it with an error. */
public final class RpcException extends PagewireException {
  private static final long serialVersionUID = 1;

  /** The gRPC status code. */
  private final Status.Code code;

  /** The daemon's error reason; may be empty. */
  private final String reason;

  private final transient List<FieldViolation> violations;

  /**
   * A field of a request that the daemon refused.
   *
   * @param field path of the field in the request, such as {@code target.ids.socket_ids}
   * @param description what is wrong with it
   */
  public record FieldViolation(String field, String description) {}

  RpcException(Status.Code code, String reason, String message, List<FieldViolation> violations) {
    super(text(code, reason, message, violations));
    this.code = code;
    this.reason = reason;
    this.violations = List.copyOf(violations);
  }

  private RpcException(String message, RpcException original) {
    super(message);
    this.code = original.code;
    this.reason = original.reason;
    this.violations = original.violations();
  }

  /** Returns this exception with a text that begins with what was refused. */
  RpcException of(String what) {
    return new RpcException(what + ": " + getMessage(), this);
  }

  /** {@return the gRPC status code; only {@code UNAVAILABLE} is worth a retry} */
  public Status.Code code() {
    return code;
  }

  /**
   * {@return the daemon's error reason, such as {@code PLUGIN_NAME_TAKEN}; empty when the error
   * comes from the gRPC library (an oversized message)}
   */
  public String reason() {
    return reason;
  }

  /** {@return the invalid fields, with {@code FIELD_INVALID}} */
  public List<FieldViolation> violations() {
    return violations == null ? List.of() : violations;
  }

  private static String text(
      Status.Code code, String reason, String message, List<FieldViolation> violations) {
    StringBuilder text = new StringBuilder(message.isEmpty() ? "refused" : message);
    for (FieldViolation violation : violations) {
      if (text.indexOf(violation.description) < 0) {
        text.append("; ").append(violation.field).append(": ").append(violation.description);
      }
    }
    text.append(" (").append(code);
    if (!reason.isEmpty()) {
      text.append('/').append(reason);
    }
    return text.append(')').toString();
  }
}

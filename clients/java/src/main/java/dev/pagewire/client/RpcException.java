package dev.pagewire.client;

import io.grpc.Status;
import java.util.List;

/** The daemon refused or ended a call. */
public final class RpcException extends PagewireException {
  private static final long serialVersionUID = 1;

  /** The gRPC status. */
  private final Status.Code code;

  /** The word for the fault. */
  private final String reason;

  private final transient List<FieldViolation> violations;

  /**
   * A field of a request that the daemon refused.
   *
   * @param field path of the field in the request, {@code target.ids.socket_ids} say
   * @param description what is wrong with it
   */
  public record FieldViolation(String field, String description) {}

  RpcException(Status.Code code, String reason, String message, List<FieldViolation> violations) {
    super(text(code, reason, message, violations));
    this.code = code;
    this.reason = reason;
    this.violations = List.copyOf(violations);
  }

  /** {@return the gRPC status; {@code UNAVAILABLE} is the only one worth a retry} */
  public Status.Code code() {
    return code;
  }

  /**
   * {@return the daemon's word for the fault, {@code PLUGIN_NAME_TAKEN} say; empty when the fault
   * is the gRPC library's own (an oversized message)}
   */
  public String reason() {
    return reason;
  }

  /** {@return the fields at fault, with {@code FIELD_INVALID}} */
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

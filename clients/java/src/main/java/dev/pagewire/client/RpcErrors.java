package dev.pagewire.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import dev.pagewire.v1.FiltersError;
import dev.pagewire.v1.SendError;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.List;

/** Converts gRPC statuses and the daemon's error details to exceptions. */
final class RpcErrors {
  /** Domain of the reasons in the daemon's errors. */
  private static final String DOMAIN = "pagewire.v1";

  private RpcErrors() {}

  static PagewireException from(Status status, Metadata trailers) {
    String reason = "";
    List<RpcException.FieldViolation> violations = new ArrayList<>();
    com.google.rpc.Status details = StatusProto.fromStatusAndTrailers(status, trailers);
    try {
      for (Any detail : details.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          ErrorInfo info = detail.unpack(ErrorInfo.class);
          reason = info.getDomain().equals(DOMAIN) ? info.getReason() : reason;
        } else if (detail.is(BadRequest.class)) {
          for (var field : detail.unpack(BadRequest.class).getFieldViolationsList()) {
            violations.add(
                new RpcException.FieldViolation(field.getField(), field.getDescription()));
          }
        }
      }
    } catch (InvalidProtocolBufferException unreadable) {
      // Report the status without its details.
      return new RpcException(status.getCode(), reason, text(status), violations);
    }
    if (reason.isEmpty() && status.getCode() == Status.Code.UNAVAILABLE) {
      // The daemon always gives a reason, so this status comes from the local transport.
      return new DisconnectedException(problem(status));
    }
    if (reason.isEmpty() && status.getCode() == Status.Code.DEADLINE_EXCEEDED) {
      return deadline();
    }
    return new RpcException(status.getCode(), reason, text(status), violations);
  }

  static RpcException from(SendError error) {
    return new RpcException(
        Status.fromCodeValue(error.getCode()).getCode(),
        error.getReason(),
        error.getMessage(),
        List.of());
  }

  static RpcException from(FiltersError error) {
    return new RpcException(
        Status.fromCodeValue(error.getCode()).getCode(),
        error.getReason(),
        error.getMessage(),
        error.getFieldViolationsList().stream()
            .map(field -> new RpcException.FieldViolation(field.getField(), field.getDescription()))
            .toList());
  }

  /** Returns the exception for a deadline that passed locally, without an answer of the daemon. */
  static RpcException deadline() {
    return new RpcException(
        Status.Code.DEADLINE_EXCEEDED,
        "DEADLINE",
        "the deadline passed before the daemon answered",
        List.of());
  }

  private static String text(Status status) {
    return status.getDescription() == null ? problem(status) : status.getDescription();
  }

  /** Returns the innermost cause, which is what the user can act on: "Connection refused". */
  private static String problem(Status status) {
    Throwable cause = status.getCause();
    while (cause != null && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause != null && cause.getMessage() != null) {
      return cause.getMessage();
    }
    return status.getDescription() == null ? status.getCode().name() : status.getDescription();
  }
}

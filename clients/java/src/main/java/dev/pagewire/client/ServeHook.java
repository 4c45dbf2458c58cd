package dev.pagewire.client;

import dev.pagewire.v1.ControlServiceGrpc;
import dev.pagewire.v1.HookFailure;
import dev.pagewire.v1.ServeRequest;
import dev.pagewire.v1.ServeResponse;
import dev.pagewire.v1.ServeResult;
import dev.pagewire.v1.UpdateFilters;

/** Open {@link Plugin#serve} hook. */
final class ServeHook extends HookStream<Request, Outcome, ServeRequest, ServeResponse> {
  private final int maxBodyBytes;

  ServeHook(ServeOptions options, Callback<Request, Outcome> callback, Context context) {
    super(
        ControlServiceGrpc.getServeMethod(),
        options.openMessage(),
        options.filters(),
        "serve",
        callback,
        context);
    maxBodyBytes = options.maxRequestBodyBytes();
  }

  @Override
  void onMessage(ServeResponse message) {
    switch (message.getMessageCase()) {
      case OPENED -> hookOpened(message.getOpened());
      case CALL -> {
        Request request = new Request(message.getCall(), maxBodyBytes, context);
        call(message.getCall().getCallId(), request, request);
      }
      case CANCEL -> cancel(message.getCancel().getCallId());
      case FILTERS_UPDATED -> filtersUpdated(message.getFiltersUpdated());
      default -> {}
    }
  }

  @Override
  ServeRequest result(long callId, Outcome output) {
    ServeResult.Builder result = ServeResult.newBuilder().setCallId(callId);
    if (output instanceof Content content) {
      result.setContent(content.toWire());
    } else {
      boolean remember = output instanceof Skip skip && skip.isRemembered();
      result.getSkipBuilder().setRemember(remember);
    }
    return ServeRequest.newBuilder().setResult(result).build();
  }

  @Override
  ServeRequest failure(long callId, HookFailure failure) {
    ServeResult result = ServeResult.newBuilder().setCallId(callId).setFailure(failure).build();
    return ServeRequest.newBuilder().setResult(result).build();
  }

  @Override
  ServeRequest update(UpdateFilters filters) {
    return ServeRequest.newBuilder().setUpdateFilters(filters).build();
  }
}

package dev.pagewire.client;

import dev.pagewire.v1.ControlServiceGrpc;
import dev.pagewire.v1.HookFailure;
import dev.pagewire.v1.TransformRequest;
import dev.pagewire.v1.TransformResponse;
import dev.pagewire.v1.TransformResult;
import dev.pagewire.v1.UpdateFilters;

/** Open {@link Plugin#transform} hook. */
final class TransformHook
    extends HookStream<Response, Change, TransformRequest, TransformResponse> {
  TransformHook(TransformOptions options, Callback<Response, Change> callback, Context context) {
    super(
        ControlServiceGrpc.getTransformMethod(),
        options.openMessage(),
        options.filters(),
        "transform",
        callback,
        context);
  }

  @Override
  void onMessage(TransformResponse message) {
    switch (message.getMessageCase()) {
      case OPENED -> hookOpened(message.getOpened());
      case CALL -> {
        Response response = new Response(message.getCall(), context);
        call(message.getCall().getCallId(), response.request(), response);
      }
      case CANCEL -> cancel(message.getCancel().getCallId());
      case FILTERS_UPDATED -> filtersUpdated(message.getFiltersUpdated());
      default -> {}
    }
  }

  @Override
  TransformRequest result(long callId, Change output) {
    TransformResult.Builder result = TransformResult.newBuilder().setCallId(callId);
    if (output == null) {
      result.getSkipBuilder();
    } else {
      result.setContent(output.toWire());
    }
    return TransformRequest.newBuilder().setResult(result).build();
  }

  @Override
  TransformRequest failure(long callId, HookFailure failure) {
    TransformResult result =
        TransformResult.newBuilder().setCallId(callId).setFailure(failure).build();
    return TransformRequest.newBuilder().setResult(result).build();
  }

  @Override
  TransformRequest update(UpdateFilters filters) {
    return TransformRequest.newBuilder().setUpdateFilters(filters).build();
  }
}

package dev.pagewire.client;

import dev.pagewire.v1.ControlServiceGrpc;
import dev.pagewire.v1.HookFailure;
import dev.pagewire.v1.ResolveImportRequest;
import dev.pagewire.v1.ResolveImportResponse;
import dev.pagewire.v1.ResolveImportResult;
import dev.pagewire.v1.ResolvedImports;
import dev.pagewire.v1.UpdateFilters;
import java.util.Collections;

/** {@link Plugin#resolveImport}, open. */
final class ResolveHook
    extends HookStream<Imports, ResolvedImports, ResolveImportRequest, ResolveImportResponse> {
  ResolveHook(
      ResolveOptions options, Callback<Imports, ResolvedImports> callback, Context context) {
    super(
        ControlServiceGrpc.getResolveImportMethod(),
        options.opening(),
        options.liveFilters(),
        callback,
        context);
  }

  /** What a handler returned; null leaves all imports to the next plugin. */
  static ResolvedImports made(Imports imports, Resolved resolved) {
    return resolved == null
        ? ResolvedImports.newBuilder()
            .addAllSpecifiers(Collections.nCopies(imports.size(), ""))
            .build()
        : resolved.toWire();
  }

  @Override
  void received(ResolveImportResponse message) {
    switch (message.getMessageCase()) {
      case OPENED -> hookOpened(message.getOpened());
      case CALL -> call(message.getCall().getCallId(), new Imports(message.getCall(), context));
      case CANCEL -> cancel(message.getCancel().getCallId());
      case FILTERS_UPDATED -> filtersUpdated();
      default -> {}
    }
  }

  @Override
  ResolveImportRequest result(long callId, ResolvedImports made) {
    ResolveImportResult result =
        ResolveImportResult.newBuilder().setCallId(callId).setResolved(made).build();
    return ResolveImportRequest.newBuilder().setResult(result).build();
  }

  @Override
  ResolveImportRequest failure(long callId, HookFailure failure) {
    ResolveImportResult result =
        ResolveImportResult.newBuilder().setCallId(callId).setFailure(failure).build();
    return ResolveImportRequest.newBuilder().setResult(result).build();
  }

  @Override
  ResolveImportRequest update(UpdateFilters filters) {
    return ResolveImportRequest.newBuilder().setUpdateFilters(filters).build();
  }
}

package dev.pagewire.client;

import dev.pagewire.v1.ControlServiceGrpc;
import dev.pagewire.v1.HookFailure;
import dev.pagewire.v1.ResolveImportRequest;
import dev.pagewire.v1.ResolveImportResponse;
import dev.pagewire.v1.ResolveImportResult;
import dev.pagewire.v1.ResolvedImports;
import dev.pagewire.v1.UpdateFilters;
import java.util.Collections;

/** Open {@link Plugin#resolveImport} hook. */
final class ResolveHook
    extends HookStream<Imports, ResolvedImports, ResolveImportRequest, ResolveImportResponse> {
  ResolveHook(
      ResolveOptions options, Callback<Imports, ResolvedImports> callback, Context context) {
    super(
        ControlServiceGrpc.getResolveImportMethod(),
        options.openMessage(),
        options.filters(),
        "import resolution",
        callback,
        context);
  }

  /** Converts a handler's result; null leaves all imports to the next plugin. */
  static ResolvedImports toWire(Imports imports, Resolved resolved) {
    return resolved == null
        ? ResolvedImports.newBuilder()
            .addAllSpecifiers(Collections.nCopies(imports.size(), ""))
            .build()
        : resolved.toWire();
  }

  @Override
  void onMessage(ResolveImportResponse message) {
    switch (message.getMessageCase()) {
      case OPENED -> hookOpened(message.getOpened());
      case CALL -> {
        Imports imports = new Imports(message.getCall(), context);
        call(message.getCall().getCallId(), imports.importer(), imports);
      }
      case CANCEL -> cancel(message.getCancel().getCallId());
      case FILTERS_UPDATED -> filtersUpdated(message.getFiltersUpdated());
      default -> {}
    }
  }

  @Override
  ResolveImportRequest result(long callId, ResolvedImports output) {
    ResolveImportResult result =
        ResolveImportResult.newBuilder().setCallId(callId).setResolved(output).build();
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

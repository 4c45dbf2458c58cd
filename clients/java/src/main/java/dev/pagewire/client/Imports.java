package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.ResolveImportCall;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The imports of one module, to be resolved by a resolve handler: those that match and that no
 * plugin before this one resolved, in source order. At least one.
 */
public final class Imports implements Iterable<ImportSpecifier> {
  private final Request importer;
  private final List<ImportSpecifier> imports;

  Imports(ResolveImportCall call, Context context) {
    importer =
        new Request(
            call.getImporter(),
            ByteString.EMPTY,
            false,
            call.hasTimeRemaining() ? call.getTimeRemaining() : null,
            context);
    imports =
        call.getImportsList().stream()
            .map(
                one ->
                    new ImportSpecifier(
                        one.getSpecifier(), one.getDynamic(), one.getLine(), one.getColumn()))
            .toList();
  }

  /** {@return the request for the module that imports, or for the HTML page that it stands in} */
  public Request importer() {
    return importer;
  }

  /** {@return how many there are} */
  public int size() {
    return imports.size();
  }

  /** {@return the imports} */
  @Override
  public Iterator<ImportSpecifier> iterator() {
    return imports.iterator();
  }

  /**
   * Asks a function about each import, in order.
   *
   * @param resolve what to import instead; null leaves that import to the next plugin
   * @return the result for the handler to return
   */
  public Resolved resolve(Function<ImportSpecifier, String> resolve) {
    return Resolved.of(imports.stream().map(resolve).collect(Collectors.toList()));
  }
}

package dev.pagewire.client;

import dev.pagewire.v1.ResolveImportCall;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Imports of one module that a resolve handler is to resolve, in source order: those that match the
 * options and that no earlier plugin has resolved. There is at least one.
 */
public final class Imports implements Iterable<ImportSpecifier> {
  private final Request importer;
  private final List<ImportSpecifier> imports;

  Imports(ResolveImportCall call, Context context) {
    importer =
        new Request(
            call.getImporter(), call.hasTimeRemaining() ? call.getTimeRemaining() : null, context);
    imports =
        call.getImportsList().stream()
            .map(
                specifier ->
                    new ImportSpecifier(
                        specifier.getSpecifier(),
                        specifier.getDynamic(),
                        specifier.getLine(),
                        specifier.getColumn()))
            .toList();
  }

  private Imports(Request importer, List<ImportSpecifier> imports) {
    this.importer = importer;
    this.imports = imports;
  }

  /**
   * Creates imports as a test passes them to a handler: static ones, one on each line.
   *
   * @param importer the request for the importing module
   * @param specifiers the specifiers
   * @return the imports
   */
  public static Imports of(Request importer, String... specifiers) {
    return of(
        importer,
        IntStream.range(0, specifiers.length)
            .mapToObj(i -> new ImportSpecifier(specifiers[i], false, i + 1, 1))
            .toList());
  }

  /**
   * Creates imports as a test passes them to a handler.
   *
   * @param importer the request for the importing module
   * @param imports the imports
   * @return the imports
   */
  public static Imports of(Request importer, List<ImportSpecifier> imports) {
    return new Imports(importer, List.copyOf(imports));
  }

  /** {@return the request for the importing module, or for the HTML page that contains it} */
  public Request importer() {
    return importer;
  }

  /** {@return the number of imports} */
  public int size() {
    return imports.size();
  }

  /** {@return an iterator over the imports} */
  @Override
  public Iterator<ImportSpecifier> iterator() {
    return imports.iterator();
  }

  /**
   * Calls a function for each import, in order.
   *
   * @param resolve returns the specifier to import instead; null leaves that import to the next
   *     plugin
   * @return the result, for the handler to return
   */
  public Resolved resolve(Function<ImportSpecifier, String> resolve) {
    return Resolved.of(imports.stream().map(resolve).collect(Collectors.toList()));
  }
}

package dev.pagewire.client;

import dev.pagewire.v1.ResolvedImports;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Result of a resolve handler: one specifier for each import of the module, in order. {@link
 * Imports#resolve} creates it. Immutable.
 */
public final class Resolved {
  private final ResolvedImports wire;

  private Resolved(ResolvedImports.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * Creates a result.
   *
   * @param specifiers one specifier for each import; null leaves an import to the next plugin
   * @return the result
   */
  public static Resolved of(List<String> specifiers) {
    ResolvedImports.Builder wire = ResolvedImports.newBuilder();
    specifiers.forEach(specifier -> wire.addSpecifiers(specifier == null ? "" : specifier));
    return new Resolved(wire);
  }

  /**
   * Disables caching: the plugin is called again for the next request of the module. By default the
   * daemon caches the result until the module or a file that it depends on changes, the result is
   * invalidated, or the plugin disconnects.
   *
   * @return the result
   */
  public Resolved noCache() {
    return new Resolved(wire.toBuilder().setNoCache(true));
  }

  /**
   * Adds files whose change or appearance makes the cached result stale, such as a package.json or
   * a module that does not exist yet.
   *
   * @param files absolute paths
   * @return the result
   */
  public Resolved dependsOn(Path... files) {
    ResolvedImports.Builder more = wire.toBuilder();
    for (Path file : files) {
      more.addDependsOnFiles(file.toString());
    }
    return new Resolved(more);
  }

  /** {@return one specifier for each import; null where the import is left to the next plugin} */
  public List<String> specifiers() {
    return wire.getSpecifiersList().stream()
        .map(specifier -> specifier.isEmpty() ? null : specifier)
        .collect(Collectors.toList());
  }

  /** {@return whether caching is disabled} */
  public boolean isNoCache() {
    return wire.getNoCache();
  }

  /** {@return the files whose change or appearance makes the cached result stale} */
  public List<Path> dependsOn() {
    return FromWire.paths(wire.getDependsOnFilesList());
  }

  ResolvedImports toWire() {
    return wire;
  }
}

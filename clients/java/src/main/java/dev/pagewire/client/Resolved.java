package dev.pagewire.client;

import dev.pagewire.v1.ResolvedImports;
import java.nio.file.Path;
import java.util.List;

/**
 * What a module imports instead, made by a plugin: one entry for each of its imports, in order.
 * {@link Imports#resolve} makes it. Immutable.
 */
public final class Resolved {
  private final ResolvedImports wire;

  private Resolved(ResolvedImports.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * What to import instead.
   *
   * @param specifiers one for each import; null leaves one to the next plugin
   * @return the result
   */
  public static Resolved of(List<String> specifiers) {
    ResolvedImports.Builder wire = ResolvedImports.newBuilder();
    specifiers.forEach(specifier -> wire.addSpecifiers(specifier == null ? "" : specifier));
    return new Resolved(wire);
  }

  /**
   * Has the daemon ask again for the next request of the module. Default: it keeps the result until
   * the module changes, it is invalidated, a file it depends on changes, or a plugin leaves.
   *
   * @return the result
   */
  public Resolved noCache() {
    return new Resolved(wire.toBuilder().setNoCache(true));
  }

  /**
   * Further files whose change or appearance makes the cached result stale: a package.json, a
   * module that is not there yet.
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

  ResolvedImports toWire() {
    return wire;
  }
}

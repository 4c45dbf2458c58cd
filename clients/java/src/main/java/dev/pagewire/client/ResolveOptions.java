package dev.pagewire.client;

import dev.pagewire.v1.ResolveImportOpen;
import dev.pagewire.v1.ResolveImportRequest;
import java.util.Arrays;

/** The modules whose imports a plugin resolves, and how its handler is called. */
public final class ResolveOptions extends HookOptions<ResolveOptions> {
  private final ResolveImportOpen.Builder wire = ResolveImportOpen.newBuilder();

  private ResolveOptions(Filter[] filters) {
    super(filters);
  }

  /**
   * Selects the modules whose request matches any of these filters. At least one is required,
   * unless {@link #liveFilters} is called before the plugin runs.
   *
   * @param filters the filters
   * @return the options
   */
  public static ResolveOptions of(Filter... filters) {
    return new ResolveOptions(filters);
  }

  /**
   * Restricts the imports to specifiers in which any of these regular expressions (RE2 syntax,
   * unanchored) finds a match. Default all.
   *
   * @param regexes the expressions; {@code ^[^./]} matches bare specifiers
   * @return the options
   */
  public ResolveOptions specifiers(String... regexes) {
    wire.clearSpecifierRegexes().addAllSpecifierRegexes(Arrays.asList(regexes));
    return this;
  }

  @Override
  ResolveOptions self() {
    return this;
  }

  OpenMessage<ResolveImportRequest> openMessage() {
    ResolveImportOpen open = wire.setOptions(toWire()).build();
    return filters ->
        ResolveImportRequest.newBuilder().setOpen(open.toBuilder().addAllFilters(filters)).build();
  }
}

package dev.pagewire.client;

import dev.pagewire.v1.ResolveImportOpen;
import dev.pagewire.v1.ResolveImportRequest;
import java.util.Arrays;

/** Which modules' imports a plugin resolves, and how it is asked. */
public final class ResolveOptions extends HookOptions<ResolveOptions> {
  private final ResolveImportOpen.Builder wire = ResolveImportOpen.newBuilder();

  private ResolveOptions(Filter[] filters) {
    super(filters);
  }

  /**
   * Is asked about the modules whose request any of these filters matches. Without one it is asked
   * about nothing, until there are {@link #liveFilters others}.
   *
   * @param filters the filters
   * @return the options
   */
  public static ResolveOptions of(Filter... filters) {
    return new ResolveOptions(filters);
  }

  /**
   * Is asked only about specifiers that any of these regular expressions is found in (RE2 syntax,
   * unanchored). Default all.
   *
   * @param regexes the expressions; {@code ^[^./]} are the bare ones
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

  Opening<ResolveImportRequest> opening() {
    ResolveImportOpen open = wire.setOptions(toWire()).build();
    return filters ->
        ResolveImportRequest.newBuilder().setOpen(open.toBuilder().addAllFilters(filters)).build();
  }
}

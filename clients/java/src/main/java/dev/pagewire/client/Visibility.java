package dev.pagewire.client;

/** A page's {@code document.visibilityState}. */
public enum Visibility {
  /** The page has not reported it. */
  UNKNOWN,
  /** At least partly visible. */
  VISIBLE,
  /** In a background tab, minimised or covered. */
  HIDDEN
}

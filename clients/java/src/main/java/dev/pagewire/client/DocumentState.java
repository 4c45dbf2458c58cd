package dev.pagewire.client;

/** How far a document has loaded. */
public enum DocumentState {
  /** The page has not reported it. */
  UNKNOWN,
  /** Still parsing. */
  LOADING,
  /** Parsed; subresources are still loading. */
  INTERACTIVE,
  /** Loaded, subresources included. */
  COMPLETE
}

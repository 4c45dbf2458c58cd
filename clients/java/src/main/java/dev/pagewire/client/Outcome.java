package dev.pagewire.client;

/** Result of a serve handler: a {@link Content} or a {@link Skip}; null means skip. */
public sealed interface Outcome permits Content, Skip {}

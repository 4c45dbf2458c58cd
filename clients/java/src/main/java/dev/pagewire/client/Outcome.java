package dev.pagewire.client;

/**
 * What a serve handler makes of a request: a {@link Content}, or a {@link Skip}; null skips too.
 */
public sealed interface Outcome permits Content, Skip {}

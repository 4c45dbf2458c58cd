package dev.pagewire.client;

/**
 * One import in a module's source.
 *
 * @param specifier the specifier as the source means it, without quotes and escapes
 * @param dynamic an {@code import()} expression, not a static import or re-export
 * @param line line of the specifier, from 1
 * @param column column of the specifier behind its quote, from 1, in UTF-16 code units
 */
public record ImportSpecifier(String specifier, boolean dynamic, int line, int column) {}

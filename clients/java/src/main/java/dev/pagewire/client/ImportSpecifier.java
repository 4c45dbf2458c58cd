package dev.pagewire.client;

/**
 * An import in a module's source.
 *
 * @param specifier the specifier without quotes, with escapes resolved
 * @param dynamic whether it is an {@code import()} expression rather than a static import or
 *     re-export
 * @param line line of the specifier, from 1
 * @param column column of its first character (after the opening quote), from 1, in UTF-16 code
 *     units
 */
public record ImportSpecifier(String specifier, boolean dynamic, int line, int column) {}

package dev.pagewire.client;

import java.util.List;

/**
 * What an awaited import came to, page by page.
 *
 * @param report whom the import reached
 * @param rows exactly one for each selected socket, whatever happened to it; empty: nobody was
 *     selected
 */
public record ImportReport(Report report, List<ImportRow> rows) {}

package dev.pagewire.client;

import java.util.List;

/**
 * Results of an awaited import, page by page.
 *
 * @param report which sockets the import reached
 * @param rows exactly one row for each selected socket, whatever happened to it; empty if no socket
 *     was selected
 */
public record ImportReport(Report report, List<ImportRow> rows) {}

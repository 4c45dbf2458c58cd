package dev.pagewire.client;

import java.time.Instant;
import java.util.List;

/**
 * Version, features, limits and counters of a daemon.
 *
 * @param serverVersion its semantic version
 * @param features features beyond the first version, such as {@code import.await}
 * @param baseUrls URLs at which pages are served
 * @param epoch the {@link Position#epoch} of this run
 * @param startTime when this run started, by the daemon's clock
 * @param limits its limits
 * @param refusedFrames text frames refused since the start, because they were not a JSON object
 *     with a type
 * @param injectsClient whether HTML pages currently get the socket client
 * @param pagesWithClient HTML pages served with the socket client since the start
 * @param pagesWithoutClient HTML pages served without the socket client since the start
 * @param allowedOrigins origins whose pages may connect, besides the daemon's own
 * @param withoutClientReasons why pages were served without the client: a sentence for each reason
 */
public record ServerInfo(
    String serverVersion,
    List<String> features,
    List<String> baseUrls,
    String epoch,
    Instant startTime,
    Limits limits,
    long refusedFrames,
    boolean injectsClient,
    long pagesWithClient,
    long pagesWithoutClient,
    List<String> allowedOrigins,
    List<String> withoutClientReasons) {}

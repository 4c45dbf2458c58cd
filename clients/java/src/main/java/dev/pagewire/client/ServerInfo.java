package dev.pagewire.client;

import java.time.Instant;
import java.util.List;

/**
 * What a daemon is and can do.
 *
 * @param serverVersion its version, as semantic versioning
 * @param features what it can do beyond the first version, {@code import.await} say
 * @param baseUrls URLs that pages are served at
 * @param epoch this run's {@link Position#epoch}
 * @param startTime when this run began, by the daemon's clock
 * @param limits the bounds in force
 * @param refusedFrames text frames of pages that were no JSON object with a type, since the start
 * @param injectsClient whether HTML pages get the socket client at this moment
 * @param pagesWithClient HTML pages served with it since the start
 * @param pagesWithoutClient HTML pages served without it since the start
 * @param allowedOrigins origins whose pages may connect, beside the daemon's own
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
    List<String> allowedOrigins) {}

package dev.pagewire.client;

import java.util.Optional;

/**
 * Response that a plugin's failure replaced: the resource that did not load, or a module that it
 * imports.
 *
 * @param pluginName the plugin that failed
 * @param hook the hook that failed
 * @param url path and query of the response, as requested
 * @param status the HTTP status of the response
 * @param message the failure's message, or what the daemon says of a missed deadline or a lost
 *     plugin
 * @param location where the cause is in the source, if it is known
 */
public record FailedResource(
    String pluginName,
    PluginInfo.Hook hook,
    String url,
    int status,
    String message,
    Optional<SourceLocation> location) {}

package dev.pagewire.client;

import dev.pagewire.v1.ServerStarted;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * A plugin session's view of its daemon: the state when the session began, and a client for current
 * state.
 */
public final class Context {
  private final Client client;
  private final ServerStarted started;
  private final SocketList listed;
  private final StartGate startGate;

  private Context(Client client, ServerStarted started, SocketList listed) {
    this.client = client;
    this.started = started;
    this.listed = listed;
    this.startGate = new StartGate(started.getPluginName());
  }

  /**
   * Creates the context. Lists the sockets if there are too many for the daemon's first message.
   */
  static CompletableFuture<Context> create(Client client, ServerStarted started) {
    CompletableFuture<SocketList> listed =
        started.getSocketsTruncated()
            ? client.async().listSockets()
            : CompletableFuture.completedFuture(
                new SocketList(
                    FromWire.sockets(started.getSocketsList()),
                    FromWire.position(started.getPosition())));
    return listed.thenApply(sockets -> new Context(client, started, sockets));
  }

  /** {@return the client that the plugin uses; it is closed when the session ends} */
  public Client client() {
    return client;
  }

  /**
   * {@return the sockets that were connected when the session began; {@link Client#sockets()} lists
   * the current ones}
   */
  public List<Socket> sockets() {
    return listed.sockets();
  }

  /**
   * {@return false}
   *
   * @deprecated {@link #sockets} is complete.
   */
  @Deprecated
  public boolean socketsTruncated() {
    return false;
  }

  /**
   * {@return the position in the event log at which {@link #sockets} was taken; a subscription that
   * resumes there misses nothing}
   */
  public Position position() {
    return listed.position();
  }

  /** {@return the daemon's version, features and limits} */
  public ServerInfo serverInfo() {
    return FromWire.info(started.getServer());
  }

  /** {@return the plugin's name} */
  public String pluginName() {
    return started.getPluginName();
  }

  /** {@return absolute paths of the served root folders, on the daemon's machine} */
  public List<Path> rootDirs() {
    return started.getRootDirsList().stream().map(Path::of).toList();
  }

  /**
   * {@return absolute path of a folder that belongs to this session and is removed with it; {@link
   * Content#file} may refer to files in it}
   */
  public Path scratchDir() {
    return Path.of(started.getScratchDir());
  }

  /**
   * Reads the plugin's section of the daemon's configuration.
   *
   * @param <T> the type
   * @param type a class that {@link Json} can read
   * @return the configuration, or empty if the plugin has no section
   * @throws JsonException when the section does not fit the type
   */
  public <T> Optional<T> config(Class<T> type) {
    String json = started.getConfigJson();
    return json.isEmpty() ? Optional.empty() : Optional.ofNullable(Json.read(json, type));
  }

  String sessionId() {
    return started.getSessionId();
  }

  StartGate startGate() {
    return startGate;
  }
}

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
   * Creates a context as a test gives it to a request: of a plugin named {@code test}, without a
   * client, sockets, scratch folder and configuration. The methods whose name begins with {@code
   * with} return it with them.
   *
   * @param rootDirs absolute paths of the served root folders; without any, {@link #rootDirs()} is
   *     empty
   * @return the context
   */
  public static Context of(Path... rootDirs) {
    ServerStarted.Builder started = ServerStarted.newBuilder().setPluginName("test");
    for (Path root : rootDirs) {
      started.addRootDirs(root.toString());
    }
    return new Context(null, started.build(), new SocketList(List.of(), new Position("", 0)));
  }

  /**
   * Returns this context with a client.
   *
   * @param client the client
   * @return the context
   */
  public Context withClient(Client client) {
    return new Context(client, started, listed);
  }

  /**
   * Returns this context with sockets.
   *
   * @param sockets the sockets that were connected when the session began
   * @return the context
   */
  public Context withSockets(Socket... sockets) {
    return new Context(client, started, new SocketList(List.of(sockets), listed.position()));
  }

  /**
   * Returns this context with a scratch folder.
   *
   * @param scratchDir the folder's absolute path
   * @return the context
   */
  public Context withScratchDir(Path scratchDir) {
    return new Context(
        client, started.toBuilder().setScratchDir(scratchDir.toString()).build(), listed);
  }

  /**
   * Returns this context with a configuration.
   *
   * @param config a value that {@link Json} can write
   * @return the context
   */
  public Context withConfig(Object config) {
    return new Context(
        client, started.toBuilder().setConfigJson(Json.write(config)).build(), listed);
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

  /**
   * {@return the client that the plugin uses; it is closed when the session ends}
   *
   * @throws IllegalStateException when a test made this context without a client
   */
  public Client client() {
    if (client == null) {
      throw new IllegalStateException("this context has no client (add one with withClient)");
    }
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

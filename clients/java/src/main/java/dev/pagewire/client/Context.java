package dev.pagewire.client;

import dev.pagewire.v1.ServerStarted;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A running plugin's view of its daemon: what was true when its session began, and the client to
 * ask for what is true now.
 */
public final class Context {
  private final Client client;
  private final ServerStarted started;
  private final List<Socket> sockets;

  Context(Client client, ServerStarted started) {
    this.client = client;
    this.started = started;
    this.sockets = FromWire.sockets(started.getSocketsList());
  }

  /** {@return the connection that the plugin runs on; it is closed when the session ends} */
  public Client client() {
    return client;
  }

  /**
   * {@return the sockets that were connected when the session began, 1,000 at most; {@link
   * Client#sockets()} lists those connected now}
   */
  public List<Socket> sockets() {
    return sockets;
  }

  /** {@return whether more sockets were connected than {@link #sockets} holds} */
  public boolean socketsTruncated() {
    return started.getSocketsTruncated();
  }

  /** {@return the instant of {@link #sockets} in the event log} */
  public Position position() {
    return FromWire.position(started.getPosition());
  }

  /** {@return version, features and limits of the daemon} */
  public ServerInfo serverInfo() {
    return FromWire.info(started.getServer());
  }

  /** {@return the plugin's name, as the daemon knows it} */
  public String pluginName() {
    return started.getPluginName();
  }

  /** {@return the folders being served, absolute, on the daemon's machine} */
  public List<Path> rootDirs() {
    return started.getRootDirsList().stream().map(Path::of).toList();
  }

  /**
   * {@return a folder of this session's own, absolute, removed with it: {@link Content#file} may
   * name files in it}
   */
  public Path scratchDir() {
    return Path.of(started.getScratchDir());
  }

  /**
   * The plugin's section of the daemon's configuration.
   *
   * @param <T> the type
   * @param type the class, as {@link Json} reads it
   * @return the configuration; none = the plugin has no section
   * @throws JsonException when it is not of the type
   */
  public <T> Optional<T> config(Class<T> type) {
    String json = started.getConfigJson();
    return json.isEmpty() ? Optional.empty() : Optional.ofNullable(Json.read(json, type));
  }

  String sessionId() {
    return started.getSessionId();
  }
}

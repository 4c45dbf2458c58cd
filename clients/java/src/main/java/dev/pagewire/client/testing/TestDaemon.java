package dev.pagewire.client.testing;

import dev.pagewire.client.Client;
import dev.pagewire.client.Endpoint;
import dev.pagewire.client.Json;
import dev.pagewire.client.Plugin;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A real daemon for a test: it serves a folder on free ports and cannot be discovered by other
 * programs. Environment variables whose name begins with {@code PAGEWIRE_} do not reach it; a
 * {@code pagewire.toml} in the folder does.
 *
 * <p>The program is the one that the environment variable {@code PAGEWIRE_BIN} names, or else
 * {@code pagewire} on the {@code PATH}.
 */
public final class TestDaemon implements AutoCloseable {
  /** How long the daemon may take to stop. After that it is killed. */
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

  private static final HttpClient HTTP =
      HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();

  private final Process process;
  private final DaemonLog log;

  /** Folder that is deleted at the end: it has the discovery file, and the temporary root. */
  private final Path temporary;

  private final Path folder;
  private final String url;
  private final Endpoint endpoint;
  private final Client client;
  private final Deque<RunningPlugin> plugins = new ArrayDeque<>();

  private TestDaemon(Process process, DaemonLog log, Path temporary, Path folder, Map<?, ?> ready) {
    this.process = process;
    this.log = log;
    this.temporary = temporary;
    this.folder = folder;
    this.url = (String) ready.get("http");
    this.endpoint =
        Endpoint.parse((String) ready.get("control"))
            .withTokenFile(Path.of((String) ready.get("token_file")));
    this.client = Client.connect(endpoint);
  }

  /**
   * Starts a daemon that serves an empty temporary folder, which is deleted at the end.
   *
   * @param arguments further arguments of {@code pagewire serve}, such as {@code --watch}
   * @return the daemon, which accepts requests and plugins
   * @throws IllegalStateException when it does not start, with the text that it printed
   */
  public static TestDaemon start(String... arguments) {
    return start(null, arguments);
  }

  /**
   * Starts a daemon that serves a folder.
   *
   * @param folder the folder
   * @param arguments further arguments of {@code pagewire serve}, such as {@code --watch}
   * @return the daemon, which accepts requests and plugins
   * @throws IllegalStateException when it does not start, with the text that it printed
   */
  public static TestDaemon start(Path folder, String... arguments) {
    try {
      Path temporary = Files.createTempDirectory("pagewire-test-");
      try {
        Path root = folder == null ? Files.createDirectory(temporary.resolve("site")) : folder;
        return start(temporary, root.toAbsolutePath(), List.of(arguments));
      } catch (IOException | RuntimeException problem) {
        delete(temporary);
        throw problem;
      }
    } catch (IOException problem) {
      throw new UncheckedIOException(problem);
    }
  }

  private static TestDaemon start(Path temporary, Path root, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(program(), "serve", "--port=0"));
    command.add("--exit-with-stdin");
    command.addAll(arguments);
    command.add(root.toString());
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.startsWith("PAGEWIRE_"));
    builder.environment().put("XDG_RUNTIME_DIR", temporary.toString());
    Process process;
    try {
      process = builder.start();
    } catch (IOException problem) {
      String text = "cannot run %s (set PAGEWIRE_BIN, or add pagewire to the PATH)";
      throw new IllegalStateException(text.formatted(program()), problem);
    }
    DaemonLog log = new DaemonLog(process.errorReader());
    try {
      String ready = process.inputReader().readLine();
      if (ready == null) {
        log.awaitEnd();
        throw new IllegalStateException("the daemon did not start: " + log.text());
      }
      return new TestDaemon(process, log, temporary, root, Json.read(ready, Map.class));
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      kill(process);
      throw new CancellationException("interrupted while waiting for the daemon");
    } catch (IOException | RuntimeException problem) {
      kill(process);
      throw problem;
    }
  }

  private static String program() {
    String named = System.getenv("PAGEWIRE_BIN");
    return named == null || named.isBlank() ? "pagewire" : named;
  }

  /**
   * {@return the address of its pages, without a slash at the end: {@code http://127.0.0.1:8001}}
   */
  public String url() {
    return url;
  }

  /** {@return its control endpoint, with the token} */
  public Endpoint endpoint() {
    return endpoint;
  }

  /** {@return a client that is connected to it, and that is closed with it} */
  public Client client() {
    return client;
  }

  /** {@return the absolute path of the folder that it serves} */
  public Path folder() {
    return folder;
  }

  /** {@return the lines that it has logged so far} */
  public String log() {
    return log.text();
  }

  /**
   * Requests a page as a browser does. Blocks until the response is complete.
   *
   * @param target path and query: {@code /a.md?v=1}
   * @return the response
   * @throws UncheckedIOException when there is no response
   */
  public HttpResponse<String> get(String target) {
    try {
      HttpRequest request = HttpRequest.newBuilder(URI.create(url + target)).build();
      return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (IOException problem) {
      throw new UncheckedIOException(problem);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for " + target);
    }
  }

  /**
   * Runs a plugin until the daemon is closed, or the returned object is. Blocks until the plugin is
   * connected and its {@link Plugin#serverStart} has returned.
   *
   * @param plugin the plugin
   * @return the running plugin
   * @throws RuntimeException the error with which the plugin ended, if it does not start
   */
  public RunningPlugin run(Plugin plugin) {
    RunningPlugin running = new RunningPlugin(plugin, plugin.start(endpoint));
    running.awaitStart();
    synchronized (plugins) {
      plugins.push(running);
    }
    return running;
  }

  int runningPlugins() {
    synchronized (plugins) {
      return plugins.size();
    }
  }

  /** Stops the plugins that were run last, until a number of them is left. */
  void stopPlugins(int left) {
    while (runningPlugins() > left) {
      RunningPlugin last;
      synchronized (plugins) {
        last = plugins.pop();
      }
      last.close();
    }
  }

  /**
   * Stops the plugins and the daemon.
   *
   * @throws RuntimeException the error with which a plugin ended, if there is one
   */
  @Override
  public void close() {
    try {
      stopPlugins(0);
    } finally {
      client.close();
      stop();
    }
  }

  private void stop() {
    try {
      process.getOutputStream().close();
      if (!process.waitFor(STOP_TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
        kill(process);
      }
      log.awaitEnd();
      delete(temporary);
    } catch (IOException problem) {
      throw new UncheckedIOException(problem);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      kill(process);
    }
  }

  private static void kill(Process process) {
    process.destroyForcibly().onExit().join();
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}

package dev.pagewire.client.testing;

import dev.pagewire.client.Client;
import dev.pagewire.client.Endpoint;
import dev.pagewire.client.Plugin;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * JUnit 5 extension with a {@link TestDaemon}: in a static field all tests of the class share the
 * daemon, in another field each test has its own. A plugin that a test runs is stopped after the
 * test. Tests of one class must not run in parallel (JUnit's default).
 *
 * <pre>{@code
 * @RegisterExtension
 * static final PagewireExtension pagewire = PagewireExtension.serving(Path.of("site"));
 *
 * @Test
 * void thePluginAnswers() {
 *   pagewire.run(Hello.plugin());
 *   assertEquals("hello", pagewire.get("/hello").body());
 * }
 * }</pre>
 */
public final class PagewireExtension
    implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, AfterAllCallback {
  private final Supplier<TestDaemon> starter;

  /** Null while no test runs. */
  private TestDaemon daemon;

  /** Id of the class or the test at whose end the daemon is closed. */
  private String owner;

  /** Number of plugins that ran before the test. */
  private int earlierPlugins;

  private PagewireExtension(Supplier<TestDaemon> starter) {
    this.starter = starter;
  }

  /**
   * Creates an extension whose daemon serves an empty temporary folder.
   *
   * @param arguments further arguments of {@code pagewire serve}
   * @return the extension
   */
  public static PagewireExtension create(String... arguments) {
    return new PagewireExtension(() -> TestDaemon.start(arguments));
  }

  /**
   * Creates an extension whose daemon serves a folder.
   *
   * @param folder the folder
   * @param arguments further arguments of {@code pagewire serve}
   * @return the extension
   */
  public static PagewireExtension serving(Path folder, String... arguments) {
    return new PagewireExtension(() -> TestDaemon.start(folder, arguments));
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    begin(context);
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    begin(context);
    earlierPlugins = daemon.runningPlugins();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (daemon == null) {
      return; // It did not start.
    }
    try {
      daemon.stopPlugins(earlierPlugins);
    } finally {
      end(context);
    }
  }

  @Override
  public void afterAll(ExtensionContext context) {
    end(context);
  }

  private void begin(ExtensionContext context) {
    if (daemon == null) {
      daemon = starter.get();
      owner = context.getUniqueId();
    }
  }

  private void end(ExtensionContext context) {
    if (daemon != null && context.getUniqueId().equals(owner)) {
      TestDaemon last = daemon;
      daemon = null;
      last.close();
    }
  }

  /** {@return the daemon} */
  public TestDaemon daemon() {
    if (daemon == null) {
      throw new IllegalStateException(
          "the daemon runs only during the tests (is the field annotated @RegisterExtension?)");
    }
    return daemon;
  }

  /** {@return the address of the daemon's pages, without a slash at the end} */
  public String url() {
    return daemon().url();
  }

  /** {@return the daemon's control endpoint, with the token} */
  public Endpoint endpoint() {
    return daemon().endpoint();
  }

  /** {@return a client that is connected to the daemon} */
  public Client client() {
    return daemon().client();
  }

  /** {@return the absolute path of the folder that the daemon serves} */
  public Path folder() {
    return daemon().folder();
  }

  /** {@return the lines that the daemon has logged so far} */
  public String log() {
    return daemon().log();
  }

  /**
   * Requests a page as {@link TestDaemon#get} does.
   *
   * @param target path and query
   * @return the response
   */
  public HttpResponse<String> get(String target) {
    return daemon().get(target);
  }

  /**
   * Runs a plugin as {@link TestDaemon#run} does, until the end of the test.
   *
   * @param plugin the plugin
   * @return the running plugin
   */
  public RunningPlugin run(Plugin plugin) {
    return daemon().run(plugin);
  }
}

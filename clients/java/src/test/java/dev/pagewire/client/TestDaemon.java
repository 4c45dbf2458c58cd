package dev.pagewire.client;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Real daemon that serves a temporary folder. */
final class TestDaemon implements AutoCloseable {
  private static final HttpClient HTTP =
      HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();

  private final Process process;
  private final Path folder;
  private final String http;
  private final Endpoint endpoint;

  private TestDaemon(Process process, Path folder, Map<?, ?> ready) {
    this.process = process;
    this.folder = folder;
    this.http = (String) ready.get("http");
    this.endpoint =
        Endpoint.parse((String) ready.get("control"))
            .withTokenFile(Path.of((String) ready.get("token_file")));
  }

  /** Starts the program that PAGEWIRE_BIN names, or else the debug build. */
  static TestDaemon start() throws IOException {
    String program =
        Optional.ofNullable(System.getenv("PAGEWIRE_BIN")).orElse("../../target/debug/pagewire");
    Path folder = Files.createTempDirectory("pagewire-java-");
    Files.writeString(folder.resolve("index.html"), "<title>t</title>");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(program).toAbsolutePath().toString(),
            "serve",
            "--port",
            "0",
            "--watch=events",
            "--exit-with-stdin",
            folder.toString());
    builder.environment().put("XDG_RUNTIME_DIR", folder.toString());
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    Process process = builder.start();
    BufferedReader lines = process.inputReader();
    return new TestDaemon(process, folder, Json.read(lines.readLine(), Map.class));
  }

  Endpoint endpoint() {
    return endpoint;
  }

  /** Returns the root folder, which is also the runtime folder that contains the discovery file. */
  Path folder() {
    return folder;
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(http + path)).build();
    return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
  }

  TestPage open() throws Exception {
    return TestPage.open(HTTP, URI.create(http.replace("http:", "ws:") + "/__pagewire__/socket"));
  }

  @Override
  public void close() throws Exception {
    process.getOutputStream().close();
    process.waitFor();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}

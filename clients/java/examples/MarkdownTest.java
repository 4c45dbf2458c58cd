import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pagewire.client.*;
import dev.pagewire.client.testing.PagewireExtension;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class MarkdownTest {
  // A daemon for each test; in a static field, one for the class.
  @RegisterExtension final PagewireExtension pagewire = PagewireExtension.create();

  // A handler is a method: call it, and read its result.
  private static Change render(Path root, String layout) throws Exception {
    Files.writeString(root.resolve("layout.html"), layout);
    Request request = Request.of("/notes.md").withContext(Context.of(root));
    return Markdown.page(Response.of(request, "text/markdown", "# Notes"));
  }

  @Test
  void theTextReplacesThePlaceholder(@TempDir Path root) throws Exception {
    Change page = render(root, "<main>{{content}}</main>");
    assertEquals(Optional.of("<main><h1>Notes</h1>\n</main>"), page.text());
    assertEquals("text/html", page.contentType());
    assertEquals(List.of(root.resolve("layout.html")), page.dependsOn());
  }

  @Test
  void aLayoutWithoutAPlaceholderIsAFailureOfTheLayout(@TempDir Path root) {
    Failure failure = assertThrows(Failure.class, () -> render(root, "<main></main>"));
    String file = root.resolve("layout.html").toString();
    assertEquals(file, failure.location().orElseThrow().file());
  }

  @Test
  void aBrowserGetsThePage() throws Exception {
    Files.writeString(pagewire.folder().resolve("notes.md"), "# Notes");
    pagewire.run(Markdown.plugin()); // Stops with the test.
    HttpResponse<String> page = pagewire.get("/notes.md");
    assertEquals(200, page.statusCode());
    assertTrue(page.body().contains("<h1>Notes</h1>"), page.body());
  }
}

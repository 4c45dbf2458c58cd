import dev.pagewire.client.Change;
import dev.pagewire.client.Failure;
import dev.pagewire.client.Filter;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Response;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.commonmark.Extension;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.HtmlRenderer;

/**
 * Renders Markdown as pages: open {@code /notes.md}.
 *
 * <p>The text replaces <code>{{content}}</code> in the root's {@code layout.html}. With {@code
 * pagewire serve --watch} a page reloads when its text or the layout is saved.
 */
public class Markdown {
  private static final String PLACEHOLDER = "{{content}}";

  /** Used while there is no {@code layout.html}. */
  private static final String DEFAULT_LAYOUT =
      "<!doctype html>\n<meta charset=\"utf-8\">\n" + PLACEHOLDER;

  private static final List<Extension> EXTENSIONS = List.of(TablesExtension.create());
  private static final Parser PARSER = Parser.builder().extensions(EXTENSIONS).build();
  private static final HtmlRenderer RENDERER =
      HtmlRenderer.builder().extensions(EXTENSIONS).build();

  public static void main(String[] args) {
    plugin().run();
  }

  static Plugin plugin() {
    return Plugin.named("markdown").transform(Filter.regex("\\.md$"), Markdown::page);
  }

  static Change page(Response response) throws IOException {
    Path file = response.request().context().rootDirs().get(0).resolve("layout.html");
    String layout = Files.exists(file) ? Files.readString(file) : DEFAULT_LAYOUT;
    if (!layout.contains(PLACEHOLDER)) {
      String problem = "the layout has no " + PLACEHOLDER + " (put it where the text belongs)";
      throw new Failure(problem).at(file.toString(), 0, 0).dependsOn(file);
    }
    String content = RENDERER.render(PARSER.parse(response.text()));
    // A layout that does not exist yet counts too: the page reloads once it is created.
    return Change.body(layout.replace(PLACEHOLDER, content))
        .contentType("text/html")
        .dependsOn(file);
  }
}

import dev.pagewire.client.Content;
import dev.pagewire.client.Filter;
import dev.pagewire.client.Plugin;

/** The shortest plugin with a visible effect: serves a page that is not a file. */
public class Hello {
  public static void main(String[] args) {
    Plugin.named("hello")
        .serve(Filter.path("/"), request -> Content.html("<h1>Hello from a plugin</h1>"))
        .run();
  }
}

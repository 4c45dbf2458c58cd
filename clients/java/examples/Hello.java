import dev.pagewire.client.Content;
import dev.pagewire.client.Filter;
import dev.pagewire.client.Import;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;

/** The shortest plugin: serves a page that is not a file, and runs code in it. */
public class Hello {
  public static void main(String[] args) {
    Plugin.named("hello")
        .injectWebSocket()
        .serve(Filter.path("/"), request -> Content.html("<h1>Hello from a plugin</h1>"))
        .onSocketReady(
            (socket, client) -> {
              Import greet = Import.code("export default () => document.body.append('and back')");
              client.sendImport(Target.socket(socket.socketId()), greet);
            })
        .run();
  }
}

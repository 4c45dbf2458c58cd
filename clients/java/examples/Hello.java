import dev.pagewire.client.Content;
import dev.pagewire.client.Filter;
import dev.pagewire.client.Import;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;

/** The shortest plugin: serves a page that is not a file, and runs code in it. */
public class Hello {
  static final String PAGE = "<!doctype html><title>Hello</title><h1>Hello from a plugin</h1>";

  public static void main(String[] args) {
    Plugin.named("hello")
        .injectWebSocket()
        .serve(Filter.path("/"), request -> Content.html(PAGE))
        .onSocketReady(
            (socket, client) -> {
              String code = "export default () => { document.body.style.background = 'gold'; }";
              client.sendImport(Target.socket(socket.socketId()), Import.code(code));
            })
        .run();
  }
}

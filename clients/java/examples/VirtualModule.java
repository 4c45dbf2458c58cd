import dev.pagewire.client.Content;
import dev.pagewire.client.Filter;
import dev.pagewire.client.Import;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;

/** Serves a module that is not a file, and makes pages import it when they become ready. */
public class VirtualModule {
  private static final String MODULE =
      "export default () => { document.body.append('Hello from a virtual module'); };";

  public static void main(String[] args) {
    Plugin.named("virtual-module")
        .injectWebSocket()
        .serve(Filter.path("/virtual/hello.js"), request -> Content.js(MODULE))
        .onSocketReady(
            (socket, client) ->
                client.sendImport(
                    Target.socket(socket.socketId()), Import.path("/virtual/hello.js")))
        .run();
  }
}

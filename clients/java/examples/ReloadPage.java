import dev.pagewire.client.Import;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Reloads every page once, with a data URL as the module to import. */
public class ReloadPage {
  public static void main(String[] args) {
    // A tab keeps its id across reloads, so each is reloaded only once.
    Set<String> reloaded = ConcurrentHashMap.newKeySet();
    Plugin.named("reload-page")
        .injectWebSocket()
        .onSocketReady(
            (socket, client) -> {
              if (reloaded.add(socket.tabId())) {
                Import reload = Import.path("data:text/javascript,window.location.reload()");
                client.sendImport(Target.socket(socket.socketId()), reload);
              }
            })
        .run();
  }
}

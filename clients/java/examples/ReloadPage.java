import dev.pagewire.client.Import;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Reloads every page once: a data URL is a module too. */
public class ReloadPage {
  public static void main(String[] args) {
    // A tab keeps its id when it reloads: each is reloaded once.
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

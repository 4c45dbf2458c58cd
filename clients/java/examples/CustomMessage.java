import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;
import java.util.Map;

/** Sends every page the number of open pages, in a custom message, whenever a page connects. */
public class CustomMessage {
  public static void main(String[] args) {
    Plugin.named("custom-message")
        .injectWebSocket()
        .onSocketReady(
            (socket, client) -> {
              int pages = client.sockets().size();
              client.send(
                  Target.all(), Map.of("type", "custom-message", "data", Map.of("pages", pages)));
            })
        .run();
  }
}

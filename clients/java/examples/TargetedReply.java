import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;
import java.util.Map;

/**
 * Sends a reply only to the page that sent a message.
 *
 * <p>In a page: {@code import { sendMessage } from '/__pagewire__/client.js'}, then {@code
 * sendMessage({ type: 'ping', n: 1 })}.
 */
public class TargetedReply {
  record Ping(int n) {}

  public static void main(String[] args) {
    Plugin.named("targeted-reply")
        .injectWebSocket()
        .onMessage(
            "ping",
            (message, client) -> {
              Ping ping = message.json(Ping.class);
              Target sender = Target.socket(message.socketId());
              client.send(sender, Map.of("type", "pong", "n", ping.n()));
            })
        .run();
  }
}

import dev.pagewire.client.ConsoleLevel;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Socket;
import dev.pagewire.client.Target;
import java.util.List;

/** Prints to the console of every page, 1 s after the page or the plugin is ready. */
public class ConsoleLog {
  public static void main(String[] args) {
    Plugin.named("console-log")
        .injectWebSocket()
        .serverStart(
            context -> {
              Thread.sleep(1000);
              List<String> ready =
                  context.sockets().stream().filter(Socket::ready).map(Socket::socketId).toList();
              if (!ready.isEmpty()) {
                Target pages = Target.sockets(ready);
                context.client().consoleLog(pages, ConsoleLevel.LOG, "Hello from Pagewire");
              }
            })
        // Pages that connect later get the message when they are ready.
        .onSocketReady(
            (socket, client) -> {
              Thread.sleep(1000);
              Target page = Target.socket(socket.socketId());
              client.consoleLog(page, ConsoleLevel.LOG, "Hello from Pagewire");
            })
        .run();
  }
}

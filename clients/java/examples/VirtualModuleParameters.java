import dev.pagewire.client.Content;
import dev.pagewire.client.Filter;
import dev.pagewire.client.Import;
import dev.pagewire.client.ImportRow;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;

/**
 * Like {@code VirtualModule}, but passes arguments to the module's default export and reads its
 * return value.
 */
public class VirtualModuleParameters {
  private static final String MODULE =
      """
      export default (name, times) => {
        const text = `Hello ${name}! `.repeat(times).trim();
        document.body.append(text);
        return text.length;
      };
      """;

  public static void main(String[] args) {
    Plugin.named("virtual-module-parameters")
        .injectWebSocket()
        .serve(Filter.path("/virtual/greet.js"), request -> Content.js(MODULE))
        .onSocketReady(
            (socket, client) -> {
              Target page = Target.socket(socket.socketId());
              Import greet = Import.path("/virtual/greet.js").arg("Pagewire").arg(2);
              for (ImportRow row : client.importValue(page, greet).rows()) {
                row.value().ifPresent(value -> System.out.println("the page wrote " + value));
                row.error().ifPresent(error -> System.out.println("the page failed: " + error));
              }
            })
        .run();
  }
}

import dev.pagewire.client.Content;
import dev.pagewire.client.Filter;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** The benchmark plugin in Java: serves the given file and answers messages from pages. */
public class Language {
  record Question(int page, int number) {}

  public static void main(String[] args) throws IOException {
    String module = Files.readString(Path.of(args[0]));
    AtomicLong calls = new AtomicLong();
    Plugin.named("language")
        .serve(
            Filter.paths("/virtual/module.js", "/virtual/calls"),
            request -> {
              if (request.path().equals("/virtual/calls")) {
                return Content.text(calls.toString());
              }
              calls.incrementAndGet();
              return Content.js(module);
            })
        .onMessage(
            "ask",
            (message, client) -> {
              Question question = message.json(Question.class);
              Target sender = Target.socket(message.socketId());
              client.send(
                  sender, Map.of("type", "answer", "page", question.page(), "next", question.number() + 1));
            })
        .serverStart(context -> System.out.println("ready"))
        .run();
  }
}

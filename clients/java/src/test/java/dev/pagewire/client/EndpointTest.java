package dev.pagewire.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {
  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:8001, 127.0.0.1:8001",
    "http://127.0.0.1:8001, 127.0.0.1:8001",
    "http://127.0.0.1:8001/, 127.0.0.1:8001",
    "[::1]:8001, [::1]:8001",
    "localhost:8001, localhost:8001",
    "unix:/run/p.sock, unix:/run/p.sock",
    "unix:///run/p.sock, unix:/run/p.sock"
  })
  void parsesEverySpellingOfAnAddress(String text, String expected) {
    assertEquals(expected, Endpoint.parse(text).toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "8001",
        "127.0.0.1",
        "https://127.0.0.1:8001",
        "unix:",
        "a:1/b",
        "::1:x",
        "h:0",
        "http://",
        "h:99999"
      })
  void refusesAnInvalidAddressNamingTheValueAndTheRemedy(String text) {
    String message = assertThrows(EndpointException.class, () -> Endpoint.parse(text)).getMessage();
    assertTrue(message.contains("`" + text + "`") && message.contains("(pass "), message);
  }

  @Test
  void toStringHidesTheToken() {
    Endpoint endpoint = Endpoint.parse("127.0.0.1:8001").withToken("secret");
    assertFalse(endpoint.toString().contains("secret"));
    assertThrows(EndpointException.class, () -> endpoint.withToken("a\nb"));
  }

  @Test
  void refusesAMissingOrEmptyTokenFile(@TempDir Path folder) throws Exception {
    Endpoint endpoint = Endpoint.parse("127.0.0.1:8001");
    Path file = folder.resolve("token");
    assertEquals(
        file, assertThrows(TokenFileException.class, () -> endpoint.withTokenFile(file)).path());
    Files.writeString(file, " \n");
    assertThrows(TokenFileException.class, () -> endpoint.withTokenFile(file));
    Files.writeString(file, "abc\n");
    assertEquals(endpoint.withToken("abc"), endpoint.withTokenFile(file));
  }
}

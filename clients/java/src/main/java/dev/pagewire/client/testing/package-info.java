/**
 * Tests of plugins. A handler is an ordinary method, which a test calls with what a daemon would
 * pass to it, and whose result it reads back:
 *
 * <pre>{@code
 * Response response = Response.of(Request.of("/a.css"), "text/css", "a { color: $accent }");
 * assertEquals(Optional.of("a { color: #c00 }"), Colors.replace(response).text());
 * }</pre>
 *
 * <p>Such inputs are made by {@link dev.pagewire.client.Request#of}, {@link
 * dev.pagewire.client.Response#of}, {@link dev.pagewire.client.Imports#of}, {@link
 * dev.pagewire.client.Message#of}, {@link dev.pagewire.client.Socket#of} and {@link
 * dev.pagewire.client.Context#of}.
 *
 * <p>A plugin as a whole is tested with a daemon of the test's own: {@link
 * dev.pagewire.client.testing.PagewireExtension} with JUnit 5, which the project itself must depend
 * on, or {@link dev.pagewire.client.testing.TestDaemon} with any other framework.
 */
package dev.pagewire.client.testing;

// Package pagewire is the client library of Pagewire, for plugins and tools: programs that serve parts of
// a web page, send messages to open pages, and receive messages from them.
//
// A [Plugin] is a struct with a name and handlers for hooks and events. [Plugin.Run] finds the daemon and
// runs the plugin until its context is done or the program gets SIGINT or SIGTERM. A [Client] is for tools: it
// sends to pages, runs code in them, lists them and subscribes to their events.
//
// # Concurrency
//
// Every method that takes a context blocks until it has finished or the context has ended. All of them may be
// called concurrently from any goroutine, and from inside handlers. A hook must not wait for a page that cannot
// load without that hook: it would wait until its deadline.
//
// A call whose context has no deadline gets one of 30 s; an awaited import its own timeout plus 5 s.
// Subscriptions and plugins have no deadline.
//
// # Testing
//
// Package [pagewire.dev/client/pagewiretest] makes what handlers get, and runs plugins with the real daemon.
//
// # Errors
//
// A problem at a single page is never an error, but a row of a [Report]. An [Error] is a refusal by the
// daemon, with code and reason. The other errors are [EndpointError], [TokenFileError], [NoDaemonError],
// [SeveralDaemonsError], [ConnectError], [DisconnectedError], [PluginError] and, for handlers, [BodyTooLargeError].
// Detect them with [errors.As]; the text of each contains the remedy.
package pagewire

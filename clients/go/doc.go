// Package pagewire writes plugins and tools for Pagewire: programs that serve parts of a web page,
// send to the pages that are open, and hear what they say.
//
// A [Plugin] is a struct: its name, and a handler for each thing that it wants to take part in.
// [Plugin.Run] finds the daemon, and runs the plugin until its context is done. A [Client] is for
// tools: it sends to pages, runs code in them, lists them and subscribes to what they say.
//
// # What blocks, and what may be called from where
//
// Every method that takes a context blocks until it is done or the context is. All of them may be
// called from any goroutine at the same time, and from inside handlers. There is one trap: a hook's
// handler that waits for a page whose load depends on that very handler waits until its deadline.
//
// A call whose context has no deadline may take 30 seconds; an awaited import its own timeout and 5
// seconds more. Subscriptions and plugins have no deadline.
//
// # Errors
//
// What happened at one page is never an error: it is a row of a [Report]. An [Error] is what the daemon
// refused, with its code and reason. The others are [EndpointError], [TokenFileError],
// [NoDaemonError], [SeveralDaemonsError], [ConnectError], [DisconnectedError] and [PluginError].
// Find them with [errors.As]; each says in its text what to do.
package pagewire

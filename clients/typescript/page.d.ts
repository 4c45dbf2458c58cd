/**
 * Types of the module that Pagewire serves to pages, `/__pagewire__/client.js`: see docs/page-api.md.
 *
 * For page code in TypeScript, or in JavaScript that an editor checks: `/// <reference types="pagewire/page" />` in one
 * file, or `"types": ["pagewire/page"]` among the `compilerOptions`.
 */
declare module '*/__pagewire__/client.js' {
  /**
   * Sends a message to the programs that subscribe to its type; resolves once it is sent. Only own properties count. While the
   * page is not connected, it waits.
   *
   * Rejects with a `RangeError` if the message has more than 1 MiB of JSON, and with an `Error` if it has no `type`.
   */
  export function sendMessage<Message extends { readonly type: string }>(
    message: Message,
  ): Promise<void>;

  /**
   * Sends a message and resolves with the reply of a plugin; the first one counts.
   *
   * Rejects as `sendMessage` does, with the plugin's error, at once if no plugin replies to this type, and after 20 s.
   */
  export function sendMessageWaitForResponse<Response = unknown>(
    // The first is for interfaces, which have no index signature; the second for further fields of a literal.
    message: { readonly type: string } | { readonly type: string; readonly [key: string]: unknown },
  ): Promise<Response>;

  /** The connection of this page, which outlives single connections. */
  export const webSocket: PageSocket;

  /** Resolves when the first connection is open. */
  export const webSocketOpened: Promise<void>;

  /** Returns a value as JSON with sorted keys, as messages are sent. A cycle becomes `"[Circular]"`. */
  export function stable(
    value: unknown,
    replacer?:
      ((this: unknown, key: string, value: unknown) => unknown) | (string | number)[] | null,
    space?: string | number,
  ): string;

  /**
   * Behaves like a `WebSocket`, but its listeners stay: `open` and `close` are fired for each connection, `message` for each
   * message of a program (not for those of the daemon). `readyState` is `CONNECTING` while the page reconnects. `send` then throws an `InvalidStateError`.
   * `close` is final.
   */
  export type PageSocket = Pick<
    WebSocket,
    | 'addEventListener'
    | 'bufferedAmount'
    | 'close'
    | 'CLOSED'
    | 'CLOSING'
    | 'CONNECTING'
    | 'dispatchEvent'
    | 'onclose'
    | 'onerror'
    | 'onmessage'
    | 'onopen'
    | 'OPEN'
    | 'readyState'
    | 'removeEventListener'
    | 'send'
    | 'url'
  >;
}

/** The same module, under the name that `@web/dev-server` gives it. */
declare module '*/__web-dev-server__web-socket.js' {
  export * from 'pagewire/__pagewire__/client.js';
}

/** The gRPC channel: calls and streams of the daemon's service. */

import {
  Client,
  Metadata,
  credentials,
  type ClientDuplexStream,
  type ClientReadableStream,
  type StatusObject,
} from '@grpc/grpc-js';
import type { Endpoint } from './endpoint.js';
import { statusError, type PagewireError } from './errors.js';
import type { Method } from './methods.js';

/** Largest accepted message. The daemon sends at most 3 MiB unless the caller requested more. */
const MAX_RECEIVED_BYTES = 64 * 1024 * 1024;

/** Flow-control window of a stream: unread bytes after which the daemon waits. */
const STREAM_WINDOW_BYTES = 1024 * 1024;

const OPTIONS = {
  'grpc.max_receive_message_length': MAX_RECEIVED_BYTES,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 5_000,
  'grpc-node.flow_control_window': STREAM_WINDOW_BYTES,
  // The daemon is on this machine: no proxy, and no service config from DNS. Each client has its
  // own reconnect backoff.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
};

/** Limits of one call. */
export interface CallLimits {
  /** The call's deadline, in ms since the epoch. */
  readonly deadline: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** Receiver of a stream's messages and of its end. */
export interface Reader<Response> {
  onMessage(message: Response): void;
  /** Called once, after the last message. No error: the daemon ended the stream gracefully, or the channel was closed. */
  onEnd(error: PagewireError | undefined): void;
}

/** An open stream. */
export interface OpenStream {
  pause(): void;
  resume(): void;
  /** Cancels both directions. */
  cancel(): void;
}

/** An open stream in both directions. Messages to the daemon are sent in order. */
export interface OpenDuplex<Request> extends OpenStream {
  write(request: Request): void;
  /** Ends the sending direction. */
  end(): void;
}

/** One connection to a daemon, established by the first call and re-established after it was lost. */
export class Channel {
  readonly endpoint: Endpoint;
  readonly #grpc: Client;
  readonly #metadata = new Metadata();
  /** Running calls, which are cancelled on close. */
  readonly #calls = new Set<{ cancel(): void }>();
  #closed = false;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    const { address, token } = endpoint;
    this.#grpc = new Client(address, credentials.createInsecure(), OPTIONS);
    if (token !== undefined) this.#metadata.set('authorization', `Bearer ${token}`);
  }

  /** A unary call. */
  unary<Request, Response>(
    { path, encode, decode }: Method<Request, Response>,
    request: Request,
    { deadline, signal }: CallLimits,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const cancel = () => call.cancel();
      const call = this.#grpc.makeUnaryRequest(
        path,
        encode,
        decode,
        request,
        this.#metadata,
        { deadline },
        (error, response) => {
          this.#calls.delete(call);
          signal?.removeEventListener('abort', cancel);
          if (error === null) resolve(response as Response);
          else if (signal?.aborted) reject(signal.reason as Error);
          else reject(statusError(error));
        },
      );
      this.#calls.add(call);
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /** A stream from the daemon. `session` associates it with a plugin. */
  read<Request, Response>(
    { path, encode, decode }: Method<Request, Response>,
    request: Request,
    reader: Reader<Response>,
    session?: string,
  ): OpenStream {
    const metadata = this.#metadataOf(session);
    const call = this.#grpc.makeServerStreamRequest(path, encode, decode, request, metadata);
    return this.#opened(call, reader);
  }

  /** A stream in both directions. `session` associates it with a plugin. */
  duplex<Request, Response>(
    { path, encode, decode }: Method<Request, Response>,
    reader: Reader<Response>,
    session?: string,
  ): OpenDuplex<Request> {
    const call: ClientDuplexStream<Request, Response> = this.#grpc.makeBidiStreamRequest(
      path,
      encode,
      decode,
      this.#metadataOf(session),
    );
    return {
      ...this.#opened(call, reader),
      write: (request) => void call.write(request),
      end: () => void call.end(),
    };
  }

  /** Closes the connection and cancels every call. Streams end without an error. */
  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.cancel();
    this.#grpc.close();
  }

  #metadataOf(session: string | undefined): Metadata {
    if (session === undefined) return this.#metadata;
    const metadata = this.#metadata.clone();
    metadata.set('pagewire-session', session);
    return metadata;
  }

  #opened<Response>(call: ClientReadableStream<Response>, reader: Reader<Response>): OpenStream {
    let status: StatusObject | undefined;
    this.#calls.add(call);
    call.on('data', (message: Response) => reader.onMessage(message));
    call.on('status', (received: StatusObject) => (status = received));
    // 'error' needs a listener, but repeats what 'status' reports. The end is reported on 'end',
    // because 'status' may be emitted before the last messages are.
    call.on('error', () => undefined);
    call.on('end', () => {
      this.#calls.delete(call);
      reader.onEnd(status?.code && !this.#closed ? statusError(status) : undefined);
    });
    return {
      pause: () => void call.pause(),
      resume: () => void call.resume(),
      cancel: () => call.cancel(),
    };
  }
}

/** The stream that carries sends, which avoids one call per send: its n-th response is for the n-th send. */

import type { CallLimits, Channel, OpenDuplex } from './channel.js';
import { PagewireError, codeName, deadlineError, rpcError } from './errors.js';
import type {
  SendRequest,
  SendStreamRequest,
  SendStreamResponse,
} from './generated/pagewire/v1/messages.js';
import { sendStream } from './methods.js';
import { toReport, type Report } from './report.js';

/** Interval at which deadlines are checked; a stream that was unused for this long is ended. */
const TICK_MS = 1000;

/** A send without a response yet. */
interface Pending {
  /** The send's deadline, in ms since the epoch. */
  readonly deadline: number;
  /** Undefined once the caller has been answered or has cancelled. */
  settle: ((report: Report | undefined, error?: unknown) => void) | undefined;
}

/** The sends of one client. The stream is opened when needed and ended when idle, so that it does not keep the process alive. */
export class SendStream {
  readonly #channel: Channel;
  #open: OpenSendStream | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * Sends and waits for the report. Rejects with an error of this send, or of the whole stream. With `exact` the deadline
   * has a timer of its own, else it is checked at the next tick, which is cheaper.
   */
  send(send: SendRequest, { deadline, signal }: CallLimits, exact: boolean): Promise<Report> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      let cancel: (() => void) | undefined;
      let timer: NodeJS.Timeout | undefined;
      const pending: Pending = {
        deadline,
        settle: (report, error) => {
          pending.settle = undefined;
          if (cancel !== undefined) signal?.removeEventListener('abort', cancel);
          if (timer !== undefined) clearTimeout(timer);
          if (report === undefined) reject(error);
          else resolve(report);
        },
      };
      if (signal !== undefined) {
        cancel = () => pending.settle?.(undefined, signal.reason);
        signal.addEventListener('abort', cancel, { once: true });
      }
      if (exact) {
        const left = Math.max(0, deadline - Date.now());
        timer = setTimeout(() => pending.settle?.(undefined, deadlineError()), left);
      }
      if (this.#open === undefined || this.#open.ended)
        this.#open = new OpenSendStream(this.#channel);
      this.#open.send(send, pending);
    });
  }

  /** Ends the stream; pending sends fail. */
  close(): void {
    this.#open?.close();
  }
}

/** One stream, from its opening to its end. */
class OpenSendStream {
  ended = false;
  readonly #stream: OpenDuplex<SendStreamRequest>;
  /** Sends in order; those before `#first` have been answered. */
  #pending: Pending[] = [];
  #first = 0;
  #used = true;
  readonly #ticking: NodeJS.Timeout;

  constructor(channel: Channel) {
    this.#stream = channel.duplex(sendStream, {
      onMessage: (response) => this.#onResponse(response),
      onEnd: (error) => this.#finish(error),
    });
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    // The open stream itself keeps the process alive.
    this.#ticking.unref();
  }

  send(send: SendRequest, pending: Pending): void {
    this.#used = true;
    this.#pending.push(pending);
    this.#stream.write({ send });
  }

  close(): void {
    this.#stream.cancel();
  }

  #onResponse({ outcome }: SendStreamResponse): void {
    const pending = this.#pending[this.#first++];
    // Answered sends are removed in bulk, because `shift` would move all others.
    if (this.#first === this.#pending.length) {
      this.#pending.length = 0;
      this.#first = 0;
    } else if (this.#first === 1024) {
      this.#pending.splice(0, this.#first);
      this.#first = 0;
    }
    if (pending?.settle === undefined) return;
    if (outcome?.$case === 'error') {
      const { code, reason, message } = outcome.value;
      pending.settle(undefined, rpcError(codeName(code), reason, message));
    } else {
      pending.settle(toReport(outcome?.value));
    }
  }

  #tick(): void {
    const now = Date.now();
    const waiting = this.#pending.length > this.#first;
    for (let i = this.#first; i < this.#pending.length; i++) {
      const pending = this.#pending[i];
      if (pending !== undefined && pending.deadline <= now) {
        pending.settle?.(undefined, deadlineError());
      }
    }
    if (!this.#used && !waiting) {
      this.ended = true;
      clearInterval(this.#ticking);
      this.#stream.end();
    }
    this.#used = false;
  }

  #finish(error: PagewireError | undefined): void {
    this.ended = true;
    clearInterval(this.#ticking);
    const lost =
      error ??
      new PagewireError('disconnected', 'the daemon stopped before it responded (see its log)');
    for (const pending of this.#pending.splice(this.#first)) pending.settle?.(undefined, lost);
  }
}

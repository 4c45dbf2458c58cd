/** Sends without a call set up for each: the n-th answer on the stream is for the n-th send. */

import type { CallLimits, Channel, OpenDuplex } from './channel.js';
import { PagewireError, codeName, deadlineError, rpcError } from './errors.js';
import type {
  SendRequest,
  SendStreamRequest,
  SendStreamResponse,
} from './generated/pagewire/v1/messages.js';
import { sendStream } from './methods.js';
import { toReport, type Report } from './report.js';

/** How often deadlines are looked at; a stream that nobody used for so long is ended. */
const TICK_MS = 1000;

/** A send whose answer has not come. */
interface Pending {
  /** When it ends at the latest, in ms since the epoch. */
  readonly deadline: number;
  /** Undefined when nobody waits for the answer any more. */
  settle: ((report: Report | undefined, error?: unknown) => void) | undefined;
}

/** The sends of one client. Opened when needed, ended when idle so that it keeps no process alive. */
export class SendStream {
  readonly #channel: Channel;
  #open: Opened | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * Sends; an error is an error of this send alone, or of the whole stream. The deadline is kept exactly, or to
   * the next tick, which costs no timer for each send.
   */
  send(send: SendRequest, { deadline, signal }: CallLimits, exact: boolean): Promise<Report> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      let giveUp: (() => void) | undefined;
      let timer: NodeJS.Timeout | undefined;
      const pending: Pending = {
        deadline,
        settle: (report, error) => {
          pending.settle = undefined;
          if (giveUp !== undefined) signal?.removeEventListener('abort', giveUp);
          if (timer !== undefined) clearTimeout(timer);
          if (report === undefined) reject(error);
          else resolve(report);
        },
      };
      if (signal !== undefined) {
        giveUp = () => pending.settle?.(undefined, signal.reason);
        signal.addEventListener('abort', giveUp, { once: true });
      }
      if (exact) {
        const left = Math.max(0, deadline - Date.now());
        timer = setTimeout(() => pending.settle?.(undefined, deadlineError()), left);
      }
      if (this.#open === undefined || this.#open.ended) this.#open = new Opened(this.#channel);
      this.#open.send(send, pending);
    });
  }

  /** Ends the stream; who waits for an answer is told that there is none. */
  close(): void {
    this.#open?.close();
  }
}

/** One stream, from its opening to its end. */
class Opened {
  ended = false;
  readonly #stream: OpenDuplex<SendStreamRequest>;
  /** Sends in order; those before `#first` are answered. */
  #pending: Pending[] = [];
  #first = 0;
  #used = true;
  readonly #ticking: NodeJS.Timeout;

  constructor(channel: Channel) {
    this.#stream = channel.duplex(sendStream, {
      onMessage: (response) => this.#answered(response),
      onEnd: (error) => this.#finish(error),
    });
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    // The stream itself keeps the process alive as long as it is open.
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

  #answered({ outcome }: SendStreamResponse): void {
    const pending = this.#pending[this.#first++];
    // Answered ones are dropped in bulk: shifting moves all others.
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
      new PagewireError('disconnected', 'the daemon stopped before it answered (see its log)');
    for (const pending of this.#pending.splice(this.#first)) pending.settle?.(undefined, lost);
  }
}

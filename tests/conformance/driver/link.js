/** A wire between a runner and the daemon that can be cut. */

import { createServer, connect } from 'node:net';

export class Link {
  #server;
  #sockets = new Set();
  #isFrozen = false;

  /** Listens; `address` is where the daemon seems to be. */
  async open(target) {
    const [, host, port] = target.match(/^(.*):(\d+)$/);
    this.#server = createServer((near) => {
      if (this.#isFrozen) {
        // Accepted, and never answered.
        this.#sockets.add(near);
        near.on('error', () => {});
        return;
      }
      const far = connect(Number(port), host);
      for (const [one, other] of [[near, far], [far, near]]) {
        this.#sockets.add(one);
        one.on('error', () => {}); // What is cut breaks.
        one.on('close', () => { this.#sockets.delete(one); other.destroy(); });
        one.pipe(other);
      }
    });
    await new Promise((resolve) => { this.#server.listen(0, '127.0.0.1', resolve); });
    this.address = `127.0.0.1:${this.#server.address().port}`;
  }

  /** Breaks all connections; new ones are let through. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing passes any more, in either direction, and nothing says so. */
  freeze() {
    this.#isFrozen = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  close() {
    this.#server?.close();
    this.cut();
  }
}

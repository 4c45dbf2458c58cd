/** A TCP proxy between a runner and the daemon whose connections can be cut or frozen. */

import { createServer, connect } from 'node:net';

export class Link {
  #server;
  #sockets = new Set();
  #isFrozen = false;

  /** Starts to forward connections to `target`; clients connect to `address` instead. */
  async open(target) {
    const [, host, port] = target.match(/^(.*):(\d+)$/);
    this.#server = createServer((near) => {
      if (this.#isFrozen) {
        // Accepted, but nothing is ever sent.
        this.#sockets.add(near);
        near.on('error', () => {});
        return;
      }
      const far = connect(Number(port), host);
      for (const [one, other] of [[near, far], [far, near]]) {
        this.#sockets.add(one);
        one.on('error', () => {}); // Expected after a cut.
        one.on('close', () => { this.#sockets.delete(one); other.destroy(); });
        one.pipe(other);
      }
    });
    await new Promise((resolve) => { this.#server.listen(0, '127.0.0.1', resolve); });
    this.address = `127.0.0.1:${this.#server.address().port}`;
  }

  /** Closes all connections; new ones are forwarded. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Silently stops all traffic in both directions. */
  freeze() {
    this.#isFrozen = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  close() {
    this.#server?.close();
    this.cut();
  }
}

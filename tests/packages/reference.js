/**
 * The servers that the assertions are compared with, so that they say something about the packages and not about
 * Pagewire: Vite for packages, and a plain static server for sites.
 */

import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { becomesTrue, LOAD_MS } from './entry.js';

export class Reference {
  #root;
  #import;
  #static;

  /** @param root the folder of the installed packages, among them the servers */
  constructor(root) {
    this.#root = root;
    const { resolve } = createRequire(path.join(root, 'package.json'));
    this.#import = (name) => import(pathToFileURL(resolve(name)));
  }

  /** Rejects unless the assertion of an entry holds. */
  async check(world, entry) {
    const { origin, close } = entry.kind === 'site' ? await this.#plain(entry) : await this.#vite(entry);
    const { page, console: messages } = await world.page(undefined, null);
    try {
      await page.goto(origin, { waitUntil: 'commit' });
      await becomesTrue(page, entry.holds, LOAD_MS);
    } catch (error) {
      const errors = messages.entries.filter(({ type }) => type === 'pageerror' || type === 'error').map(({ text }) => text);
      throw new Error([error.message, ...errors.slice(0, 3)].join('\n'));
    } finally {
      await page.close();
      await close();
    }
  }

  async #vite({ name }) {
    const { createServer: createVite } = await this.#import('vite');
    const root = path.join(this.#root, name);
    const cacheDir = path.join(this.#root, '.vite', name);
    const vite = await createVite({
      root,
      configFile: false,
      logLevel: 'silent',
      cacheDir,
      server: { host: '127.0.0.1', port: 0, fs: { allow: [this.#root] } },
    });
    await vite.listen();
    const close = async () => {
      await vite.close();
      await rm(cacheDir, { recursive: true, force: true });
    };
    return { origin: `http://127.0.0.1:${vite.httpServer.address().port}/`, close };
  }

  /** One server of the whole folder, in which sites find `/node_modules`. */
  async #plain({ name }) {
    if (!this.#static) {
      const { default: sirv } = await this.#import('sirv');
      const serve = sirv(this.#root, { dev: true, dotfiles: true });
      this.#static = createServer((request, response) => serve(request, response, () => { response.writeHead(404).end(); }));
      this.#static.listen(0, '127.0.0.1');
      await once(this.#static, 'listening');
    }
    return { origin: `http://127.0.0.1:${this.#static.address().port}/${name}/`, close: async () => {} };
  }

  async close() {
    this.#static?.closeAllConnections();
    this.#static?.close();
  }
}

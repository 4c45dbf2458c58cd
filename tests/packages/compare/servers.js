/** The compared servers: how each is started with the application, and what it remembers of it. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import * as environment from '../../browser/harness/environment.js';
import { Daemon, Program } from '../../browser/harness/programs.js';

/** The daemon's caches across starts are in here. */
const runtime = (site) => ({ ...environment.cleanEnvironment(path.join(site.scratch, 'runtime')), XDG_CACHE_HOME: path.join(site.scratch, 'cache') });

const startPagewire = async (site) => {
  const args = ['serve', site.root, '--port', '0', '--control', '127.0.0.1:0', '--node-resolve', '--watch'];
  const daemon = new Daemon('pagewire', environment.PAGEWIRE, args, runtime(site));
  await daemon.ready(runtime(site));
  return { url: `${daemon.origin}/${path.basename(site.app)}/`, stop: () => daemon.stop() };
};

export const PAGEWIRE = {
  name: 'Pagewire',
  start: startPagewire,
  forget: async ({ scratch }) => {
    for (const name of ['cache', 'runtime']) await rm(path.join(scratch, name), { recursive: true, force: true });
  },
};

export const VITE = {
  name: 'Vite',
  start: async ({ root, app }) => {
    const vite = new Program('vite', process.execPath, [path.join(root, 'node_modules/vite/bin/vite.js'), '--host', '127.0.0.1', '--port', String(await freePort())],
      { ...process.env, NO_COLOR: '1' }, app);
    const line = await vite.line('its URL', (text) => text.includes('http://'), 60_000);
    return { url: /http:\S+/.exec(line)[0], stop: () => vite.stop() };
  },
  forget: ({ app }) => rm(path.join(app, '.vite'), { recursive: true, force: true }),
};

export const NGINX = {
  name: 'nginx, the modules as Pagewire serves them',
  start: async ({ scratch, mirror }) => {
    const folder = await mkdtemp(path.join(scratch, 'nginx-'));
    const port = await freePort();
    await writeFile(path.join(folder, 'nginx.conf'), configuration(folder, port, mirror));
    const nginx = new Program('nginx', '/usr/sbin/nginx', ['-p', folder, '-e', `${folder}/error.log`, '-c', `${folder}/nginx.conf`], process.env);
    const url = `http://127.0.0.1:${port}/`;
    await nginx.unlessItExits('it answers', answers(url));
    return { url, stop: () => nginx.stop('SIGQUIT') };
  },
  forget: async () => {},
};

/** Files are revalidated on each load, as Pagewire's are. File names may contain the query of their URL. */
const configuration = (folder, port, mirror) => `
daemon off;
pid ${folder}/pid;
worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  types { text/html html; text/css css; text/javascript js mjs; application/json json; }
  default_type text/javascript;
  sendfile on;
  server {
    listen 127.0.0.1:${port};
    root ${mirror};
    add_header cache-control no-cache;
    location / { try_files $uri$is_args$args =404; }
  }
}
`;

/** Resolves once a server accepts connections. */
async function answers(url) {
  while (!await fetch(url).then(() => true, () => false));
}

async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

/**
 * The files of a site for nginx by name: the application's page as it is, and everything that the page loads as
 * Pagewire serves it.
 */
export async function mirrorOf(loader, site) {
  const { url, stop } = await startPagewire(site);
  const context = await loader.browser.newContext();
  try {
    const page = await context.newPage();
    const bodies = [];
    page.on('response', (response) => {
      const { origin, pathname, search } = new URL(response.url());
      const isOfSite = origin === new URL(url).origin && !pathname.startsWith('/__pagewire__/') && response.status() === 200;
      if (isOfSite) bodies.push(response.body().then((body) => [pathname + search, body]));
    });
    const report = loader.reported();
    await page.goto(loader.reporting(url + site.page), { waitUntil: 'commit' });
    await report;
    const files = new Map(await Promise.all(bodies));
    files.delete(new URL(url).pathname + site.page);
    const index = await readFile(path.join(site.app, site.page));
    // nginx serves the application at its root, and Pagewire in a folder.
    const folder = new URL(url).pathname;
    const moved = [...files].map(([name, body]) => [name.startsWith(folder) ? name.slice(folder.length - 1) : name, body]);
    return new Map([[`/${site.page}`, index], ...moved]);
  } finally {
    await context.close();
    await stop();
  }
}

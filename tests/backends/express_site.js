/**
 * A small site in Express for the proxy tests: a page, a form, a login, a web socket and a large download. It
 * behaves as aiohttp_site.py does. Prints its port once it listens.
 */

import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import express from 'express';
import { WebSocketServer } from 'ws';

const PIECE = Buffer.alloc(251 * 4096, Buffer.from(Array.from({ length: 251 }, (_, byte) => byte)));
const PIECES = 102;

const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const page = (user) => `<!doctype html>
<html><head><title>express</title></head>
<body><p>express welcomes ${escape(user)}</p>
<form method="post" action="/form"><input name="text"><button id="send">send</button></form>
<form method="post" action="/login"><input name="user"><button id="login">log in</button></form>
<a id="download" href="/download">all of it</a>
</body></html>
`;

const site = express();
site.use(express.urlencoded({ extended: false }));

site.get('/', (request, response) => {
  const user = /(?:^|; )user=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
  response.send(page(decodeURIComponent(user ?? 'guest')));
});

site.post('/form', (request, response) => {
  response.send(`<!doctype html><body>express got ${escape(request.body.text)}</body>`);
});

site.post('/login', (request, response) => {
  response.cookie('user', request.body.user, { domain: '127.0.0.1', httpOnly: true, sameSite: 'lax' });
  // An absolute URL, as from a site that knows its own address.
  response.redirect(303, `http://127.0.0.1:${request.socket.localPort}/`);
});

site.get('/download', (_, response) => {
  response.set({
    'content-disposition': 'attachment; filename=all.bin',
    'content-length': String(PIECE.length * PIECES),
  });
  Readable.from(Array(PIECES).fill(PIECE)).pipe(response);
});

const server = createServer(site);
new WebSocketServer({ server, path: '/socket' }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    socket.send(isBinary ? Buffer.from(data).reverse() : `express received ${data}`);
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(server.address().port));

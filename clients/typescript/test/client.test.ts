import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { inspect, promisify } from 'node:util';
import { connect, type Client, type Event } from 'pagewire';
import { Daemon, Page, within } from './support.js';

describe('a client', () => {
  let daemon: Daemon;
  let client: Client;
  before(async () => {
    daemon = await Daemon.start();
    client = await connect({ endpoint: daemon.control, tokenFile: daemon.tokenFile });
  });
  after(async () => {
    client.close();
    await daemon.stop();
    daemon.removeFolders();
  });

  test('sends JSON text unchanged, and values in the order of the calls', async () => {
    const page = await Page.open(daemon);
    const raw = '{"type":"x",  "n":12345678901234567890, "n":1.0}';
    await client.sendJson({ socket: page.id }, raw);
    assert.equal(await page.hearText(), raw);
    const sends = [...Array(100).keys()].map((n) => client.send({ all: true }, { type: 'n', n }));
    const reports = await Promise.all(sends);
    assert.ok(reports.every(({ reached }) => reached === 1));
    for (let n = 0; n < 100; n++) assert.equal((await page.hear())['n'], n);
    page.close();
  });

  test('sends 10 MiB', async () => {
    const page = await Page.open(daemon);
    const text = 'x'.repeat(10 * 1024 * 1024);
    await client.send({ socket: page.id }, { type: 'large', text });
    assert.equal((await page.hear())['text'], text);
    page.close();
  });

  test('refuses a message over the limit of the daemon; others arrive', async () => {
    const page = await Page.open(daemon);
    const target = { socket: page.id };
    const sends = [
      client.send(target, { type: 'a' }),
      client.send(target, { type: 'large', text: 'x'.repeat(70 * 1024 * 1024) }),
      client.sendBinary(target, Buffer.alloc(16 * 1024 * 1024 + 1)),
      client.send(target, { type: 'b' }),
    ];
    const [, large, binary] = await Promise.allSettled(sends);
    assert.match(
      String(large?.status === 'rejected' && large.reason),
      /: the message has 734\d+ bytes, and the limit is 16777216 \(INVALID_ARGUMENT\/FIELD_INVALID\)$/,
    );
    assert.equal(binary?.status, 'rejected');
    assert.equal((await page.hear())['type'], 'a');
    assert.equal((await page.hear())['type'], 'b');
    page.close();
  });

  test('prints the text of an error once, and only fields that are set', async () => {
    const thrown = async (call: Promise<unknown>) =>
      inspect(await call.catch((error: unknown) => error));
    const refused = await thrown(client.reload({ url: '(' }));
    assert.equal(refused.split('does not compile').length, 2);
    assert.match(
      refused,
      /\{\n {2}kind: 'rpc',\n {2}code: 'INVALID_ARGUMENT',\n {2}reason: 'FIELD_INVALID'\n\}$/,
    );
    const lost = await thrown(connect({ endpoint: '127.0.0.1:1' }));
    assert.equal(lost.split('ECONNREFUSED').length, 2);
    assert.match(lost, /\{\n {2}kind: 'connect'\n\}$/);
  });

  test('reports unreached sockets, and lists reached ones on request', async () => {
    const page = await Page.open(daemon);
    const target = { socket: [page.id, 'nobody'] };
    const report = await client.send(target, {}, { listReached: true, confirmReceipt: true });
    assert.equal(report.reached, 1);
    assert.deepEqual(report.reachedSocketIds, [page.id]);
    assert.deepEqual(
      report.unreached.map(({ socketId, status }) => [socketId, status]),
      [['nobody', 'not_found']],
    );
    page.close();
  });

  test('rejects an invalid send and accepts the next one', async () => {
    const refused = { kind: 'rpc', code: 'INVALID_ARGUMENT', reason: 'FIELD_INVALID' };
    await assert.rejects(client.send({ socket: [] }, {}), refused);
    await assert.rejects(client.sendJson({ all: true }, '{'), refused);
    await assert.rejects(client.sendJson({ all: true }, '"\ud800"'), refused);
    await assert.rejects(client.sendText({ all: true }, '\ud800'), refused);
    await assert.rejects(client.send({} as never, {}), refused);
    await assert.rejects(client.reload({ url: '(' }), (error: { violations: unknown[] }) => {
      assert.equal(error.violations.length, 1);
      return true;
    });
    await assert.rejects(client.send({ all: true }, undefined), TypeError);
    assert.equal((await client.send({ socket: 'x' }, {})).unreached.length, 1);
  });

  test('distinguishes values and errors of an awaited import', async () => {
    const [good, silent] = await Promise.all([
      Page.open(daemon),
      Page.open(daemon, { features: [] }),
    ]);
    const awaited = client.importValue(
      { socket: [good.id, silent.id, 'gone'] },
      { code: 'export default n => n', args: [1], timeoutMs: 5000 },
    );
    const { data } = (await good.hear()) as { data: { callId: string; args: unknown[] } };
    assert.deepEqual(data.args, [1]);
    good.say({ type: 'pagewire:result', callId: data.callId, ok: true, value: [1] });
    const { rows } = await awaited;
    const bySocket = new Map(rows.map((row) => [row.socketId, row]));
    assert.equal(bySocket.size, 3);
    assert.equal(bySocket.get(silent.id)?.error?.kind, 'unsupported');
    assert.equal(bySocket.get('gone')?.error?.kind, 'page_gone');
    assert.equal(bySocket.get(good.id)?.error?.kind, undefined);
    good.close();
    silent.close();
  });

  test('cancels a call at its deadline and by its signal', async () => {
    const page = await Page.open(daemon);
    const target = { socket: page.id };
    const code = { code: 'export default 1' };
    await assert.rejects(client.importValue(target, code, { signal: AbortSignal.abort() }), {
      name: 'AbortError',
    });
    const { rows } = await client.importValue(target, { ...code, timeoutMs: 50 });
    assert.equal(rows[0]?.error?.kind, 'timeout');
    page.close();
  });

  test('delivers all events after a position, and resumes', async () => {
    const { position } = await client.listSockets();
    const page = await Page.open(daemon);
    page.say({ type: 'a' });
    const subscription = await client.subscribe({
      sockets: true,
      messages: true,
      resumeAfter: position,
    });
    assert.ok(subscription.resumed);
    const next = async (kind: Event['kind'], from = subscription) => {
      for (;;) {
        const { value } = await within(kind, from.next());
        if (value?.kind === kind) return value;
      }
    };
    assert.equal((await next('socket_opened')).kind, 'socket_opened');
    assert.equal((await next('message')).kind, 'message');
    page.say({ type: 'b' });
    const again = await subscription.resume();
    assert.ok(again.resumed);
    const event = await next('message', again);
    assert.equal(event.kind === 'message' && event.message.type, 'b');
    again.close();
    assert.ok((await again.next()).done);
    const lost = await client.subscribe({
      messages: true,
      resumeAfter: { epoch: 'x', sequence: 1 },
    });
    assert.equal((await next('gap', lost)).kind, 'gap');
    lost.close();
    page.close();
  });

  test('reports why it cannot connect', async () => {
    const { control: endpoint } = daemon;
    await assert.rejects(connect({ endpoint, token: 'wrong' }), {
      kind: 'rpc',
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_INVALID',
    });
    // One remedy, in the only parentheses.
    await assert.rejects(connect({ endpoint: '127.0.0.1:1' }), {
      kind: 'connect',
      message: /^[^()]* 127\.0\.0\.1:1: connect ECONNREFUSED [^()]*\(start [^()]*\)$/,
    });
    await assert.rejects(connect({ endpoint: daemon.http }), { kind: 'connect' });
    await assert.rejects(connect({ endpoint, tokenFile: '/nowhere' }), { kind: 'token_file' });
  });

  test('does not keep its program alive', async () => {
    const program = `
      const { connect } = await import(${JSON.stringify(import.meta.resolve('pagewire'))});
      const client = await connect({ endpoint: ${JSON.stringify(daemon.control)} });
      await client.send({ all: true }, {});
      console.log((await client.plugins()).length);`;
    const node = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    assert.equal((await within('the end of the program', node)).stdout, '0\n');
  });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { once } from 'node:events';
import type { Daemon } from '../src/daemon.js';
import { chooseDaemon, discover } from '../src/discovery.js';
import { parseAddress } from '../src/address.js';
import { findEndpoint } from '../src/endpoint.js';
import { Folder } from './support.js';

let runtime: Folder;
const before = { ...process.env };
beforeEach(() => {
  runtime = new Folder();
  process.env['XDG_RUNTIME_DIR'] = runtime.path;
  delete process.env['PAGEWIRE_ENDPOINT'];
  delete process.env['PAGEWIRE_TOKEN'];
});
afterEach(() => {
  runtime[Symbol.dispose]();
  process.env = { ...before };
});

test('parses every spelling of an address', () => {
  for (const same of ['127.0.0.1:8001', '[::1]:8001', 'localhost:8001', 'unix:/run/p.sock']) {
    assert.equal(parseAddress(same), same);
  }
  assert.equal(parseAddress('http://127.0.0.1:8001/'), '127.0.0.1:8001');
  assert.equal(parseAddress('unix:///run/p.sock'), 'unix:/run/p.sock');
});

test('refuses an invalid address with the value and a remedy', () => {
  for (const value of [
    '',
    '8001',
    '127.0.0.1',
    'https://a:1',
    'unix:',
    'a:1/b',
    '::1:x',
    'h:0',
    'h:65536',
  ]) {
    assert.throws(
      () => parseAddress(value),
      (error: Error & { kind: string }) => {
        assert.equal(error.kind, 'endpoint');
        assert.ok(
          error.message.includes(`\`${value}\``) && error.message.includes('(pass '),
          error.message,
        );
        return true;
      },
    );
  }
});

function daemon(pid: number, rootDirs: string[]): Daemon {
  const control = '127.0.0.1:8001';
  return { pid, rootDirs, http: '', control, controls: [control], tokenFile: undefined };
}

test('prefers the nearest root around the folder, then roots below, then the only daemon', () => {
  const outer = daemon(1, ['/no/p']);
  const inner = daemon(2, ['/no/p/web']);
  const other = daemon(3, ['/no/q', '/no/r']);
  const all = [outer, inner, other];
  assert.equal(chooseDaemon('/no/p/web/src', all).pid, 2);
  assert.equal(chooseDaemon('/no/p/web', all).pid, 2);
  assert.equal(chooseDaemon('/no/p/website', all).pid, 1);
  assert.equal(chooseDaemon('/no/p', all).pid, 1);
  assert.equal(chooseDaemon('/no/r/x', all).pid, 3);
  assert.equal(chooseDaemon('/no', [inner]).pid, 2);
  assert.equal(chooseDaemon('/elsewhere', [inner]).pid, 2);
  assert.throws(() => chooseDaemon('/no', all), { kind: 'several_daemons' });
  assert.throws(() => chooseDaemon('/elsewhere', [inner, other]), /pid 2\n.*pid 3/);
  assert.throws(() => chooseDaemon('/elsewhere', []), { kind: 'no_daemon' });
});

/** A discovery file for this process, with a listener at its address. */
async function leaveFile(change: (file: Record<string, unknown>) => void = () => {}) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const control = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = join(runtime.path, 'pagewire');
  mkdirSync(folder, { mode: 0o700 });
  const tokenFile = join(folder, `${process.pid}.token`);
  writeFileSync(tokenFile, 'secret\n', { mode: 0o600 });
  const file = {
    pagewire: '9',
    pid: process.pid,
    root_dirs: [runtime.path],
    http: 'http://x',
    control,
    controls: [control],
    token_file: tokenFile,
    later: { more: true },
  };
  change(file);
  writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(file), { mode: 0o600 });
  return { server, folder, control };
}

test('finds the token of a discovered daemon, even if its address is given', async () => {
  const { server, control } = await leaveFile();
  assert.deepEqual(await findEndpoint({}), { address: control, token: 'secret' });
  assert.deepEqual(await findEndpoint({ endpoint: control }), {
    address: control,
    token: 'secret',
  });
  process.env['PAGEWIRE_ENDPOINT'] = `http://${control}`;
  assert.equal((await findEndpoint({})).token, 'secret');
  process.env['PAGEWIRE_TOKEN'] = 'told';
  assert.equal((await findEndpoint({})).token, 'told');
  server.close();
});

test('ignores a daemon whose address has no listener', async () => {
  const { server } = await leaveFile();
  server.close();
  await once(server, 'close');
  await assert.rejects(discover('/'), { kind: 'no_daemon' });
});

test('ignores a process that does not listen itself', async () => {
  const other = spawn('sleep', ['1000']);
  const { server, folder } = await leaveFile((file) => (file['pid'] = other.pid));
  renameSync(join(folder, `${process.pid}.json`), join(folder, `${other.pid}.json`));
  // Its id was reused, and another program listens at its address.
  await assert.rejects(discover('/'), { kind: 'no_daemon' });
  other.kill();
  server.close();
});

test('localhost becomes the address of the daemon', async () => {
  const { server, control } = await leaveFile();
  const endpoint = control.replace('127.0.0.1', 'localhost');
  assert.deepEqual(await findEndpoint({ endpoint }), { address: control, token: 'secret' });
  server.close();
});

test('ignores a file that is too large', async () => {
  const { server } = await leaveFile((file) => (file['later'] = 'x'.repeat(65 * 1024)));
  await assert.rejects(discover('/'), { kind: 'no_daemon' });
  server.close();
});

test('refuses a folder that other users can open, and a symbolic link', async () => {
  const { server, folder } = await leaveFile();
  chmodSync(folder, 0o755);
  await assert.rejects(discover('/'), /only you can open/);
  chmodSync(folder, 0o700);
  const linked = new Folder();
  symlinkSync(folder, join(linked.path, 'pagewire'));
  process.env['XDG_RUNTIME_DIR'] = linked.path;
  await assert.rejects(discover('/'), /only you can open/);
  linked[Symbol.dispose]();
  server.close();
});

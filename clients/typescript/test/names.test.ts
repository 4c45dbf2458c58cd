/** Old names, which still work. They are deprecated, so the tests read and write them as if there were no types. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runOnce, type Content, type Context } from 'pagewire';
import { toEvent } from '../src/event.js';
import { Failure, fromThrown } from '../src/failure.js';
import {
  FileChanged,
  FileChanged_Kind,
  Gap,
  PageError,
  PageError_Kind,
  type SubscribeMessagesResponse,
} from '../src/generated/pagewire/v1/messages.js';
import { Daemon, Events, within } from './support.js';

const fieldsOf = (value: object) => value as Record<string, unknown>;

test('an event has the same values under old and new names', () => {
  const received = (event: SubscribeMessagesResponse['event']) =>
    fieldsOf(toEvent({ position: undefined, time: undefined, event })!);
  const gap = fieldsOf(
    received({ $case: 'gap', value: Gap.fromPartial({ afterSequence: 3, beforeSequence: 9 }) })[
      'gap'
    ] as object,
  );
  assert.deepEqual([gap['afterSequence'], gap['beforeSequence']], [3, 9]);
  assert.deepEqual([gap['after'], gap['before']], [3, 9]);
  const error = fieldsOf(
    received({
      $case: 'pageError',
      value: PageError.fromPartial({ kind: PageError_Kind.CSP }),
    })['error'] as object,
  );
  assert.deepEqual([error['kind'], error['reason']], ['csp', 'csp']);
  const file = fieldsOf(
    received({
      $case: 'fileChanged',
      value: FileChanged.fromPartial({ kind: FileChanged_Kind.CREATED }),
    })['file'] as object,
  );
  assert.deepEqual([file['kind'], file['change']], ['created', 'created']);
});

test('a failure has its stack and its location under every name', () => {
  const located = new Failure('m', { status: 404 }).at('/a.vue', 3, 7);
  const { status, location } = fromThrown(located);
  assert.deepEqual([status, location], [404, { file: '/a.vue', line: 3, column: 7, frame: '' }]);
  assert.deepEqual(located.place, { status: 404, file: '/a.vue', line: 3, column: 7 });
  assert.equal(fromThrown(new Failure('m', { stack: 'at x' })).stack, 'at x');
  const old: object = { trace: 'at x' };
  assert.equal(fromThrown(new Failure('m', old)).stack, 'at x');
});

test('a plugin may use old names of its results and its context', async () => {
  const daemon = await Daemon.start();
  daemon.site.write('a.css', '');
  const old: object = { body: '{}', type: 'json' };
  const ending = new AbortController();
  const started = new Events<Context>();
  const runs = runOnce(
    {
      name: 'old',
      serve: { filter: '/x', handler: () => old as Content },
      transform: { filter: '/a.css', handler: () => old },
      serverStart: (context) => started.tell(context),
    },
    { endpoint: daemon.control, signal: ending.signal, logger: false },
  );
  const context = await started.next('the start');
  assert.equal(fieldsOf(context)['server'], context.serverInfo);
  for (const path of ['/x', '/a.css']) {
    const type = (await daemon.get(path)).headers.get('content-type');
    assert.equal(type, 'application/json; charset=utf-8');
  }
  ending.abort();
  await within('the end of run', runs);
  await daemon.stop();
  daemon.removeFolders();
});

/** Conversion of page errors, and the lines that the conformance runner prints of them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PageError } from 'pagewire';
import { eventFields } from '../conformance/events.js';
import { toEvent } from '../src/event.js';
import { toValue } from '../src/value.js';
import { Hook } from '../src/generated/pagewire/v1/hooks.js';
import {
  PageError as WirePageError,
  PageError_Kind,
  SubscribeMessagesResponse,
} from '../src/generated/pagewire/v1/messages.js';

/** The event of a page error, as it arrives. */
function received(error: Partial<WirePageError>) {
  const value = WirePageError.fromPartial({ socketId: 's', ...error });
  const position = { epoch: 'e', sequence: 7 };
  const response = { position, time: new Date(0), event: { $case: 'pageError', value } } as const;
  const bytes = SubscribeMessagesResponse.encode(response).finish();
  const event = toEvent(SubscribeMessagesResponse.decode(bytes));
  assert.ok(event?.kind === 'page_error');
  return event;
}

const FAILED = {
  pluginName: 'p',
  hook: Hook.SERVE,
  url: '/bad.js?v=1',
  status: 500,
  message: 'no such color',
};
const LOCATION = { file: 'bad.ts', line: 3, column: 7, frame: '> 3 | colour' };

test('the error of a resource names the plugin because of which it did not load', () => {
  const event = received({
    kind: PageError_Kind.RESOURCE,
    failedResource: { ...FAILED, location: LOCATION },
  });
  const expected: PageError['failedResource'] = { ...FAILED, hook: 'serve', location: LOCATION };
  assert.deepEqual(event.error.failedResource, expected);
  const { failed_resource } = eventFields(event) as Record<string, unknown>;
  assert.deepEqual(failed_resource, {
    plugin_name: 'p',
    hook: 'serve',
    url: '/bad.js?v=1',
    status: 500,
    message: 'no such color',
    file: 'bad.ts',
    line: 3,
    column: 7,
  });
});

test('a page error without a failed plugin has none, and an unknown location is absent', () => {
  const event = received({ kind: PageError_Kind.RESOURCE });
  assert.equal(event.error.failedResource, undefined);
  const lineOf = (error: typeof event) =>
    JSON.parse(JSON.stringify(eventFields(error))) as Record<string, Record<string, unknown>>;
  assert.ok(!('failed_resource' in lineOf(event)));
  const failed = received({ failedResource: { ...FAILED, location: undefined } });
  assert.equal(failed.error.failedResource?.location, undefined);
  assert.ok(!('file' in lineOf(failed)['failed_resource']!));
});

test('an argument of a console line is text as in a console', () => {
  const json = (value: string) => toValue({ kind: { $case: 'json', value }, truncated: false });
  const args = [json('"a \\"b\\""'), json('{"c":"d"}'), json('1'), json('null')];
  assert.equal(args.join(' '), 'a "b" {"c":"d"} 1 null');
  assert.equal(args[0]?.text, '"a \\"b\\""');
});

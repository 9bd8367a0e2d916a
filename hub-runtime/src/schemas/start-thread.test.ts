import { afterEach, expect, test } from 'vitest';

import { schemaLimits } from './limits.ts';
import { type CheckThread, startThread, threadFile } from './start-thread.ts';
import type { CheckAnswer, ThreadRequest } from './thread-messages.ts';

const open: CheckThread[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.end();
});

function start() {
  const ready = Promise.withResolvers<void>();
  const died = Promise.withResolvers<string>();
  let answered: (answer: CheckAnswer) => void = () => {};
  const thread = startThread({ ready: ready.resolve, answered: (answer) => answered(answer), died: died.resolve });
  open.push(thread);
  const ask = (request: ThreadRequest) =>
    new Promise<CheckAnswer>((resolve) => {
      answered = resolve;
      thread.post(request);
    });
  return { thread, ready: ready.promise, died: died.promise, ask };
}

test.each([
  ['file:///x/src/schemas/start-thread.ts', 'file:///x/src/schemas/check-thread.ts'],
  ['file:///x/dist/chunks/run-ABC.js', 'file:///x/dist/check-thread.js'],
  ['file:///x/dist/qm.js', 'file:///x/dist/check-thread.js'],
])('from %s the thread is %s', (self, file) => {
  expect(threadFile(self).href).toBe(file);
});

test('EF-23 a thread says when it is ready, answers, and forgets', async () => {
  const { ready, ask, thread } = start();
  await ready;
  const asked = { n: 1, schema: 7, text: '{"type":"string"}', value: '1' };
  expect(await ask(asked)).toMatchObject({ n: 1, verdict: { kind: 'misfit' } });
  expect(await ask({ n: 2, schema: 7, value: '"x"' })).toEqual({ n: 2, verdict: { kind: 'fits' } });
  thread.post({ forget: 7 });
  expect(await ask({ n: 3, schema: 7, value: '"x"' })).toMatchObject({ n: 3, verdict: { kind: 'unusable' } });
}, 20_000);

test('EF-23 a check that takes more memory than the thread has ends the thread and not the process', async () => {
  const { ready, ask, died } = start();
  await ready;
  // Each alternative fails in two ways, twenty-six levels deep.
  const depth = 26;
  const $defs: Record<string, unknown> = { [`a${depth}`]: { type: 'string' } };
  for (let at = 0; at < depth; at++) {
    const next = { $ref: `#/$defs/a${at + 1}` };
    $defs[`a${at}`] = { anyOf: [next, next] };
  }
  void ask({ n: 1, schema: 1, text: JSON.stringify({ $defs, $ref: '#/$defs/a0' }), value: '1' });
  expect(await died).toMatch(/memory/i);
}, 60_000);

test('EF-23 a value of too many parts is not even parsed: there memory would end the process', async () => {
  const { ready, ask } = start();
  await ready;
  const bomb = `[${'[],'.repeat(1_000_000)}[]]`;
  expect(await ask({ n: 1, schema: 1, text: '{}', value: bomb })).toMatchObject({
    verdict: { kind: 'unusable', message: expect.stringContaining('parts') },
  });
  // The worst that is still parsed: every object of another shape.
  const shapes = Array.from({ length: schemaLimits.valueNodes / 2 - 1 }, (_, n) => `{"k${n}":1}`);
  expect(await ask({ n: 2, schema: 1, value: `[${shapes.join(',')}]` })).toMatchObject({ verdict: { kind: 'fits' } });
}, 60_000);

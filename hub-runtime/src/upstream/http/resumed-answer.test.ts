import { afterEach, expect, test } from 'vitest';

import type { RawJson } from '../../wire/index.ts';
import { call, closeWorld, eventually, legacy, makeCall, methods, open, progress, resultOf } from '../testing/index.ts';
import type { TinyReply, TinyRequest } from '../testing/index.ts';
import { httpLimits } from './limits.ts';

afterEach(closeWorld);

/** An event with an id, and with the pause the server asks for. */
const event = (id: string, message: unknown = '', retry = 5): string =>
  `${message === '' ? '' : JSON.stringify(message)}\nid: ${id}\nretry: ${retry}`;
const answerTo = (id: unknown): unknown => ({ jsonrpc: '2.0', id, result: { content: [] } });

/** A server whose answers to calls break off after these events; `resume` answers the streams that take them up. */
async function breaking(
  events: (call: TinyRequest) => string[],
  resume: (one: TinyRequest, call: TinyRequest) => TinyReply,
  cut = false,
) {
  const { answer } = legacy();
  let begun: TinyRequest | undefined;
  const world = await open((one) => {
    if (one.message.method === 'tools/call' || one.message.method === 'resources/read') {
      begun = one;
      if (!cut) return { events: events(one) };
      one.response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const text of events(one)) one.response.write(`data: ${text}\n\n`);
      setTimeout(() => one.response.destroy(), 20);
      return { hang: true };
    }
    if (one.verb === 'GET' && one.headers['last-event-id'] !== undefined && begun !== undefined)
      return resume(one, begun);
    return answer(one);
  });
  const sent = (method: string): number => methods(world.server).filter((one) => one === method).length;
  const resumed = (): (string | undefined)[] =>
    world.server.requests
      .filter(({ verb, headers }) => verb === 'GET' && headers['last-event-id'] !== undefined)
      .map(({ headers }) => String(headers['last-event-id']));
  return { ...world, sent, resumed };
}

test.each([
  ['ends', false],
  ['is cut', true],
])(
  'EF-31 a stream that %s before its answer is taken up where it stopped; the call is sent once',
  async (_how, cut) => {
    const heard: string[] = [];
    const { conversation, sent, resumed, server } = await breaking(
      (one) => [event('a1'), event('a2', progress(metaToken(one), 1))],
      (_one, begun) => ({
        events: [event('a3', progress(metaToken(begun), 2)), event('a4', answerTo(begun.message.id))],
      }),
      cut,
    );
    const leg = { progressToken: '"own"' as RawJson, notify: (message: RawJson) => void heard.push(message) };
    const made = makeCall('tools/call', { name: 'slow' }, { leg });
    const outcome = await call(conversation, made);
    expect(resultOf(outcome)).toEqual({ content: [] });
    expect(sent('tools/call')).toBe(1);
    expect(resumed()).toEqual(['a2']);
    expect(heard.map((one) => (JSON.parse(one) as { params: { progress: number } }).params.progress)).toEqual([1, 2]);
    const get = server.requests.find(({ headers }) => headers['last-event-id'] === 'a2');
    expect(get?.headers).toMatchObject({ 'mcp-session-id': 's1', accept: 'text/event-stream' });
  },
);

test('several breaks in a row are borne as long as each brought something', async () => {
  let n = 1;
  const { conversation, resumed } = await breaking(
    () => [event('n1')],
    (_one, begun) => ({ events: ++n < 6 ? [event(`n${n}`)] : [event(`n${n}`, answerTo(begun.message.id))] }),
  );
  expect(resultOf(await call(conversation))).toEqual({ content: [] });
  expect(resumed()).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
});

test('streams that bring nothing new are an end: as often as allowed, and no more', async () => {
  const { conversation, resumed } = await breaking(
    () => [event('x')],
    () => ({ events: [] }),
  );
  expect(await call(conversation)).toMatchObject({ kind: 'error', errorCode: 'QM_SERVER_GONE' });
  expect(resumed()).toHaveLength(httpLimits.resumes);
});

test('a server that does not go on is not asked again', async () => {
  const { conversation, resumed } = await breaking(
    () => [event('x')],
    () => ({ status: 404 }),
  );
  expect(await call(conversation)).toMatchObject({
    kind: 'error',
    errorCode: 'QM_SERVER_GONE',
    message: expect.stringContaining('404'),
  });
  expect(resumed()).toEqual(['x']);
});

test('without event ids there is nothing to take up; an id without bound is none', async () => {
  const { conversation, resumed } = await breaking(
    () => ['\nretry: 5'],
    () => ({ status: 500 }),
  );
  expect(await call(conversation)).toMatchObject({ kind: 'error', errorCode: 'QM_SERVER_GONE' });
  const long = await breaking(
    () => [event('y'.repeat(httpLimits.eventIdLength + 1))],
    () => ({ status: 500 }),
  );
  expect(await call(long.conversation)).toMatchObject({ kind: 'error', errorCode: 'QM_SERVER_GONE' });
  expect([...resumed(), ...long.resumed()]).toEqual([]);
});

test('a call cancelled meanwhile ends at once, and so does the stream that takes it up', async () => {
  const { conversation, resumed, server, sent } = await breaking(
    () => [event('x')],
    () => ({ events: [], open: true }),
  );
  const made = makeCall('tools/call', { name: 'slow' });
  const outcome = call(conversation, made);
  await eventually(() => resumed().length === 1, 'the stream is taken up');
  made.leg.cancellation.cancel('client-cancelled');
  expect(await outcome).toMatchObject({ errorCode: 'QM_CANCELLED' });
  await eventually(() => server.open === 0, 'the stream has ended');
  await eventually(() => sent('notifications/cancelled') === 1, 'the server was told');
});

function metaToken(one: TinyRequest): unknown {
  return (one.message.params as { _meta: { progressToken: unknown } })._meta.progressToken;
}

test('the stream of a session names the last event it heard when it is opened again', async () => {
  const { answer } = legacy();
  const seen: (string | undefined)[] = [];
  const { server } = await open((one) => {
    if (one.verb !== 'GET') return answer(one);
    seen.push(one.headers['last-event-id'] as string | undefined);
    return seen.length < 3 ? { events: [event(`g${seen.length}`)] } : { events: [], open: true };
  });
  await eventually(() => seen.length === 3, 'it was opened again');
  expect(seen).toEqual([undefined, 'g1', 'g2']);
  expect(server.open).toBe(1);
});

test('a server that breaks off all the time sets no pace: there is a least pause', async () => {
  let n = 0;
  const started = performance.now();
  const { conversation } = await breaking(
    () => [event('n', '', 0)],
    (_one, begun) => ({ events: ++n < 4 ? [event(`n${n}`, '', 0)] : [event('end', answerTo(begun.message.id))] }),
  );
  await call(conversation);
  expect(performance.now() - started).toBeGreaterThan(3 * httpLimits.resumeMs.shortest);
});

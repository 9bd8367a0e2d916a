/** HT-5.12: what happens in the middle of an answer that passes through the hub: cancelled, left, lost, and the hub's own end. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectLegacy, until } from '../kit/index.ts';
import { mebibyte, startStreamingWorld, type StreamingWorld } from './support/streaming-world.ts';

let world: StreamingWorld;
beforeAll(async () => {
  world = await startStreamingWorld('legacy');
});
afterAll(() => world?.[Symbol.asyncDispose]());

const uri = `sse:${64 * mebibyte}`;
const pace = 8 * mebibyte;

/** Something happens once a mebibyte is there. */
function inTheMiddle(what: () => unknown): (total: number) => void {
  let did = false;
  return (total) => {
    if (did || total < mebibyte) return;
    did = true;
    void what();
  };
}

async function nothingIsLeft(): Promise<void> {
  const names = ['quaymaster_answers_passing', 'quaymaster_calls_in_flight', 'quaymaster_clients_active'];
  await until(
    async () => {
      const metrics = await world.inside.metrics();
      return names.every((name) => metrics.get(name) === 0);
    },
    { because: 'no answer passes any more' },
  );
}

const failures = (code: string) =>
  world.inside.metric(`quaymaster_call_errors_total{hub="default/desk",server="default/large",code="${code}"}`);

test('a legacy client cancels: its connection is cut, for the answer cannot be taken back, and the server is told', async () => {
  await using client = await connectLegacy(world.hub.url);
  const cut = world.server.cut;
  const onBytes = inTheMiddle(() => client.notify('notifications/cancelled', { requestId: `read ${uri}` }));
  const { cut: wasCut, blobBytes } = await world.read('legacy', uri, pace, { client, onBytes });
  expect([wasCut, blobBytes < 64 * mebibyte]).toEqual([true, true]);
  await until(() => world.server.cut === cut + 1, { because: 'the server was cut off' });
  await nothingIsLeft();
});

test('a modern client leaves: the server is cut off', async () => {
  const cut = world.server.cut;
  const leaver = new AbortController();
  const onBytes = inTheMiddle(() => leaver.abort());
  await world.read('modern', uri, pace, { leave: leaver.signal, onBytes }).catch(() => undefined);
  await until(() => world.server.cut === cut + 1, { because: 'the server was cut off' });
  await nothingIsLeft();
});

test('the server dies: the connection of its client is cut, and the call counts as lost', async () => {
  const before = await failures('QM_SERVER_GONE');
  const answer = await world.read('modern', uri, pace, { onBytes: inTheMiddle(() => world.server.cutAll()) });
  expect(answer.cut).toBe(true);
  await nothingIsLeft();
  expect(await failures('QM_SERVER_GONE')).toBe(before + 1);
  const again = await world.read('modern', `big:${2 * mebibyte}`, 64 * mebibyte);
  expect([again.cut, again.hash]).toEqual([false, world.server.hashes.at(-1)]);
});

test('the hub ends: an answer that passes is passed to its end first', async () => {
  const onBytes = inTheMiddle(() => world.hub.program.kill('SIGTERM'));
  const bytes = 16 * mebibyte;
  const answer = await world.read('legacy', `big:${bytes}`, pace, { onBytes });
  expect([answer.cut, answer.blobBytes, answer.hash]).toEqual([false, bytes, world.server.hashes.at(-1)]);
  expect((await world.hub.program.ended(15_000)).code).toBe(0);
});

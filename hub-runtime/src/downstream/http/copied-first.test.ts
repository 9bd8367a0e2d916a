/** What a client is told of its session is known to another replica by then: whichever of them ends next, it stays true. */
import { expect, test } from 'vitest';

import type { PeerRouter, Placement } from '../../session/index.ts';
import { initialize, legacy, type Rig, startRig } from './test-http.ts';

/** Another replica to which copies are on their way until they are let arrive. */
function successor(): PeerRouter & { readonly copies: (() => void)[]; isThere: boolean } {
  const copies: (() => void)[] = [];
  return {
    copies,
    isThere: true,
    self: 'self',
    attach: () => () => {},
    mirror(_session, arrived) {
      if (this.isThere && arrived !== undefined) copies.push(arrived);
      return this.isThere;
    },
    left: () => {},
    ended: () => {},
    locate: async (): Promise<Placement> => ({ kind: 'ended' }),
    forward: (_peer, _request, sink) => {
      sink.end('refused');
      return { resume: () => {}, cancel: () => {} };
    },
    cancel: () => {},
  };
}

/** Whether an answer came before the copy, and the answer. */
async function answered(rig: Rig, sent: Parameters<Rig['send']>[0], copies: readonly unknown[], act: () => unknown) {
  let isEarly = true;
  const before = copies.length;
  const answer = rig.send(sent).then((one) => ({ ...one, isEarly }));
  await expect.poll(() => copies.length).toBe(before + 1);
  // The answer had its chance to come.
  await rig.send({ method: 'GET', path: '/none' });
  isEarly = false;
  await act();
  return answer;
}

test('EF-30 an id is given out, a log level is confirmed, once another replica knows of it', async () => {
  const peers = successor();
  await using rig = await startRig(undefined, { peers });
  const arrive = (): void => peers.copies.at(-1)?.();
  const opened = await answered(rig, initialize, peers.copies, arrive);
  expect([opened.status, opened.isEarly]).toEqual([200, false]);
  const session = String(opened.headers['mcp-session-id']);
  const level = legacy(session, 'logging/setLevel', { level: 'error' });
  expect(await answered(rig, level, peers.copies, arrive)).toMatchObject({ status: 200, isEarly: false });
  // Once is enough.
  for (const copy of peers.copies) copy();
  expect((await rig.send(legacy(session, 'ping'))).status).toBe(200);
});

test('EF-30 a copy that does not arrive holds an answer for half a second at most, one that nobody would take for no time', async () => {
  const peers = successor();
  await using rig = await startRig(undefined, { peers });
  const late = await answered(rig, initialize, peers.copies, () => rig.edge.clock.advance(500));
  expect([late.status, late.isEarly]).toEqual([200, false]);
  peers.isThere = false;
  expect((await rig.send(initialize)).status).toBe(200);
});

test('EF-30 an end waits for answers that wait for their copy', async () => {
  const peers = successor();
  await using rig = await startRig(undefined, { peers });
  const opened = await answered(rig, initialize, peers.copies, async () => {
    const closed = rig.listener.close(10_000);
    await rig.edge.clock.advance(100);
    peers.copies.at(-1)?.();
    await rig.edge.clock.advance(100);
    await closed;
  });
  expect([opened.status, opened.isEarly]).toEqual([200, false]);
});

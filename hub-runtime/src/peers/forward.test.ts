/** One forwarded request, against a wire that does what the test says: how often it is sent, and what its end is called. */
import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import { type ForwardEnd, sessionDigest } from '../session/index.ts';
import { Forward } from './forward.ts';
import { PeerList } from './peer-list.ts';
import type { AnswerHandler, PeerRequest, PeerTransport } from './peer-transport.ts';
import { SessionRegister } from './session-register.ts';

const [owner, third] = [sessionDigest('owner'), sessionDigest('third')];
const session = {
  token: 't',
  id: '1'.repeat(32),
  owner,
  revision: '2025-11-25',
  capabilityDigest: 'c',
  issuedMs: 0,
  expiresMs: Date.UTC(2030, 0, 1),
};

function rig(method = 'POST') {
  const clock = createTestClock();
  const list = new PeerList('me', 1, clock);
  list.update(['owner', 'third'].map((uid) => ({ name: uid, uid, ip: '10.0.0.1' })));
  const register = new SessionRegister(clock, () => {});
  const sent: { readonly request: PeerRequest; readonly handler: AnswerHandler }[] = [];
  let [aborted, resumed, over] = [0, 0, 0];
  const transport = {
    send(_peer: unknown, request: PeerRequest, handler: AnswerHandler) {
      sent.push({ request, handler });
      return { abort: () => aborted++, resume: () => resumed++ };
    },
  } as unknown as PeerTransport;
  const got: unknown[] = [];
  const ends: ForwardEnd[] = [];
  const sink = {
    head: (status: number, headers: string[]) => void got.push([status, headers]),
    data: (chunk: Buffer) => {
      got.push(chunk.toString());
      return false;
    },
    end: (how: ForwardEnd) => void ends.push(how),
  };
  const own = { Host: 'x', Connection: 'close', 'Transfer-Encoding': 'chunked', 'X-Quaymaster-Peer': 'forged' };
  const rawHeaders = Object.entries({ ...own, Accept: 'a', Authorization: 'Bearer b' }).flat();
  const request = { session, method, path: '/mcp', rawHeaders, body: Buffer.from('{}') };
  const peer = list.get(owner);
  if (peer === undefined) throw new Error('no owner');
  const deps = { transport, list, register, clock, log: silentLogger };
  const forward = new Forward(deps, peer, request, sink, () => over++);
  const last = (): AnswerHandler => {
    const one = sent.at(-1);
    if (one === undefined) throw new Error('nothing was sent');
    return one.handler;
  };
  return { clock, list, register, sent, got, ends, forward, last, counts: () => ({ aborted, resumed, over }) };
}

const refusal = (code: string): Error => Object.assign(new Error(code), { code });

test('what is the connection’s own, or says it comes from a replica, is not sent on', () => {
  const { sent } = rig();
  expect(sent.map(({ request }) => request)).toEqual([
    {
      method: 'POST',
      url: '/v1/forward/mcp',
      headers: ['accept', 'a', 'authorization', 'Bearer b'],
      body: Buffer.from('{}'),
    },
  ]);
});

test('an answer passes with its head, at the pace of its reader', () => {
  const { last, got, ends, forward, counts } = rig();
  last().started(200, {
    'content-type': 'a',
    'content-length': '2',
    date: 'd',
    connection: 'x',
    'set-cookie': ['1', '2'],
  });
  expect(last().data(Buffer.from('{}'))).toBe(false);
  forward.resume();
  last().ended();
  last().failed(true, refusal('ECONNRESET'));
  expect(got).toEqual([
    [200, ['content-type', 'a', 'content-length', '2', 'set-cookie', '1', 'set-cookie', '2']],
    '{}',
  ]);
  expect([ends, counts()]).toEqual([['done'], { aborted: 0, resumed: 1, over: 1 }]);
});

test('EF-30 a POST that may have been read is never sent again', async () => {
  const { last, ends, sent, clock, list } = rig();
  last().failed(true, refusal('ECONNRESET'));
  await clock.advance(1_000);
  expect([ends, sent.length, list.isGood(owner)]).toEqual([['lost'], 1, true]);
});

test('an answer that breaks off is lost', () => {
  const { last, ends } = rig('GET');
  last().started(200, {});
  last().failed(true, refusal('ECONNRESET'));
  expect(ends).toEqual(['lost']);
});

test.each([
  ['nobody listens there', 'POST', false, 'ECONNREFUSED', false],
  ['no connection in time', 'POST', false, 'UND_ERR_CONNECT_TIMEOUT', true],
  ['a stream broke before it began', 'GET', true, 'ECONNRESET', true],
])('%s: once more after a moment, then elsewhere', async (_name, method, wasSent, code, good) => {
  const { last, ends, sent, clock, list } = rig(method);
  last().failed(wasSent, refusal(code));
  expect([ends, sent.length]).toEqual([[], 1]);
  await clock.advance(150);
  expect(sent).toHaveLength(2);
  last().failed(wasSent, refusal(code));
  expect([ends, list.isGood(owner)]).toEqual([['refused'], good]);
});

test('what cannot be sent to anybody is held against nobody', () => {
  const { last, ends, list } = rig();
  last().failed(false, refusal('UND_ERR_INVALID_ARG'));
  expect([ends, list.isGood(owner)]).toEqual([['busy'], true]);
});

test('a replica that names another one is believed when that is a replica; one that names nobody is passed over', () => {
  const named = rig();
  named.list.failed(third, 'dead');
  named.last().started(421, { 'x-quaymaster-holder': third });
  named.last().data(Buffer.from('ignored'));
  named.last().ended();
  expect([named.ends, named.got, named.register.holder(session.id)]).toEqual([['refused'], [], third]);
  expect([named.list.isGood(owner), named.list.isGood(third)]).toEqual([true, true]);
  for (const holder of [undefined, 'nobody', owner]) {
    const { last, ends, list, register } = rig();
    last().started(421, holder === undefined ? {} : { 'x-quaymaster-holder': holder });
    last().ended();
    expect([ends, register.holder(session.id), list.isGood(owner)]).toEqual([['refused'], undefined, false]);
  }
});

test('a request that was not taken for one of a replica is signed anew, once; the client’s own 401 passes', () => {
  const { last, ends, sent, got } = rig();
  for (const count of [1, 2]) {
    expect(sent).toHaveLength(count);
    last().started(401, { 'x-quaymaster-refused': 'replay' });
    last().ended();
  }
  expect([ends, sent.length, got]).toEqual([['busy'], 2, []]);
  const other = rig();
  other.last().started(401, {});
  other.last().ended();
  expect([other.ends, other.got]).toEqual([['done'], [[401, []]]]);
});

test('a client that goes away ends it, also between two attempts', async () => {
  const { last, ends, sent, clock, forward, counts } = rig();
  last().failed(false, refusal('ECONNREFUSED'));
  forward.cancel();
  forward.cancel();
  await clock.advance(1_000);
  expect(last().data(Buffer.from('late'))).toBe(true);
  expect([ends, sent.length, counts().over]).toEqual([['done'], 1, 1]);
});

/** The stream with callers that are no friends, or no longer well. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { until } from '../kube/testing/index.ts';
import type { ControlLimits } from './limits.ts';
import { podToken, publication, reportOf, type Stage, startStage } from './testing/index.ts';

let stage: Stage;
const sockets: (Socket | TLSSocket)[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stage[Symbol.asyncDispose]();
});

const begin = async (limits: Partial<ControlLimits> = {}): Promise<void> => {
  stage = await startStage({ limits: { sweepMs: 20, closeMs: 100, ...limits } });
};
const rejected = (reason: string): number => stage.metrics.sum('quaymaster_control_rejected_total', { reason });
const pod = { namespace: 'default', name: 'h-1', uid: 'u1' };

describe('who may come in', () => {
  test.each([
    ['no token', { token: null }, 4003, 'noToken'],
    ['a token the API server refuses', { token: 'rubbish' }, 4003, 'token'],
    ['a token for another audience', { token: podToken(pod, { audience: 'api' }) }, 4003, 'audience'],
    ['a person', { token: podToken(pod, { username: 'alice' }) }, 4003, 'notAPod'],
    ['a node', { token: podToken(pod, { username: 'system:node:n1' }) }, 4003, 'notAPod'],
    ['a token of no Pod', { token: podToken({ ...pod, uid: '' }) }, 4003, 'notAPod'],
    ['the token of another Pod', { token: podToken({ ...pod, name: 'h-2' }) }, 4003, 'wrongPod'],
    ['the token of an earlier Pod of that name', { token: podToken({ ...pod, uid: 'u0' }) }, 4003, 'wrongPod'],
    ['a hub of another namespace', { hub: 'other/h' }, 4003, 'wrongPod'],
    ['another protocol', { hello: { protocol: 2 } }, 4009, 'unsupported'],
    ['a hub without namespace', { hub: 'h' }, 4008, 'malformed'],
    ['an address that is none', { hello: { pod: { name: 'h-1', uid: 'u1', ip: 'h-1' } } }, 4008, 'malformed'],
  ])('%s is refused', async (_title, options, code, reason) => {
    await begin();
    expect((await stage.dial(options).closed).code).toBe(code);
    expect(rejected(reason)).toBe(1);
    expect(stage.server.replicas('default/h')).toEqual([]);
  });

  test('what the caller decides: not a Pod of this hub, no such hub; and it is asked again while the stream is up', async () => {
    await begin();
    const asked: unknown[] = [];
    stage.authorize = (hub, who) => {
      asked.push([hub, who]);
      return false;
    };
    expect((await stage.dial().closed).code).toBe(4003);
    expect(asked).toEqual([['default/h', { ...pod, serviceAccount: 'hub' }]]);
    stage.authorize = () => 'unknownHub';
    expect((await stage.dial().closed).code).toBe(4004);
    stage.authorize = () => true;
    const peer = await stage.join();
    stage.authorize = () => false;
    expect((await peer.closed).code).toBe(4003);
  });

  test('nothing is read before the token is accepted; a review without answer ends in "later"', async () => {
    await begin({ reviewMs: 40 });
    stage.reviews.delayMs = 10_000;
    const peer = stage.dial();
    await until('open', () => peer.socket.readyState === WebSocket.OPEN);
    for (let count = 0; count < 3; count++) peer.say(reportOf());
    expect((await peer.closed).code).toBe(1013);
    expect(stage.metrics.sum('quaymaster_control_bytes_total', { direction: 'in' })).toBe(0);
    expect(rejected('reviewFailed')).toBe(1);
  });

  test('a caller that leaves while its token is looked at is no stream', async () => {
    await begin();
    stage.reviews.delayMs = 30;
    const peer = stage.dial();
    await until('asked', () => stage.reviews.asked.length === 1);
    peer.socket.terminate();
    const last = (state: string) => stage.metrics.last('quaymaster_control_connections', { state });
    await until('gone', () => last('unproven') === 0 && (last('proven') ?? 0) === 0);
    expect(stage.server.replicas('default/h')).toEqual([]);
  });

  test('a hello must come in time, first and once', async () => {
    await begin({ helloMs: 150 });
    expect((await stage.dial({ hello: null }).closed).code).toBe(4008);
    expect(rejected('noHello')).toBe(1);
    const early = stage.dial({ hello: null });
    early.socket.on('open', () => early.say(reportOf()));
    expect(await early.closed).toEqual({ code: 4008, reason: 'hello comes first' });
    const twice = await stage.join();
    twice.say({
      type: 'hello',
      protocol: 1,
      hub: 'default/h',
      pod: { name: 'h-1', uid: 'u1', ip: '10.0.0.1' },
      version: '1',
    });
    expect((await twice.closed).code).toBe(4008);
  });

  test('4010 the same Pod a second time takes over, and the first one ends', async () => {
    await begin();
    const first = await stage.join();
    const second = stage.dial({ hello: { version: '0.2.0' } });
    expect((await first.closed).code).toBe(4010);
    expect(stage.server.replicas('default/h')).toMatchObject([{ version: '0.2.0' }]);
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    expect(second.socket.readyState).toBe(WebSocket.OPEN);
    expect(stage.server.replicas('default/h')).toHaveLength(1);
  });
});

describe('bounds', () => {
  test('streams of one hub; a Pod that has its place may come again', async () => {
    await begin({ connectionsPerHub: 2 });
    await stage.join();
    await stage.join({ name: 'h-2', uid: 'u2' });
    expect((await stage.dial({ name: 'h-3', uid: 'u3' }).closed).code).toBe(1013);
    expect(rejected('tooManyOfHub')).toBe(1);
    const again = await stage.join({ name: 'h-2', uid: 'u2' });
    await until('replaced', () => rejected('replaced') === 1);
    expect(again.socket.readyState).toBe(WebSocket.OPEN);
  });

  test('streams in total', async () => {
    await begin({ connections: 2 });
    await stage.join();
    const second = await stage.join({ name: 'h-2', uid: 'u2' });
    expect((await stage.dial({ name: 'h-3', uid: 'u3' }).closed).reason).toContain('503');
    expect(rejected('tooMany')).toBe(1);
    second.socket.terminate();
    await until('gone', () => stage.server.replicas('default/h').length === 1);
    await stage.join({ name: 'h-3', uid: 'u3' });
  });

  test('callers without a verdict', async () => {
    await begin({ unproven: 2 });
    stage.reviews.delayMs = 200;
    const slow = [stage.dial({ uid: 'u4' }), stage.dial({ uid: 'u5' })];
    await until('asked', () => stage.reviews.asked.length === 2);
    expect((await stage.dial({ uid: 'u6' }).closed).reason).toContain('503');
    await until('proven', () => stage.server.replicas('default/h').length === 2);
    expect(slow.every(({ socket }) => socket.readyState === WebSocket.OPEN)).toBe(true);
    await stage.join({ uid: 'u6' });
  });

  test('connections that say nothing at all are cut off, at every step', async () => {
    await begin({ handshakeMs: 60 });
    const ended = (socket: Socket): Promise<string> =>
      new Promise((resolve) => {
        sockets.push(socket);
        socket.on('error', () => {});
        socket.on('close', () => resolve('cut off'));
        socket.resume();
      });
    expect(await ended(connectTcp(stage.port, '127.0.0.1'))).toBe('cut off');
    expect(rejected('tls')).toBe(1);
    const tls = {
      port: stage.port,
      host: '127.0.0.1',
      ca: stage.authority.cert,
      servername: 'quaymaster-operator-control',
    };
    expect(await ended(connectTls(tls))).toBe('cut off');
    const slow = connectTls(tls);
    slow.write('GET /v1/control HTTP/1.1\r\nhost: x\r\n');
    expect(await ended(slow)).toBe('cut off');
  });

  test('TLS 1.2 and other paths find nothing; no WebSocket, no stream', async () => {
    await begin();
    expect((await stage.dial({ ws: { maxVersion: 'TLSv1.2' } }).closed).code).toBe(0);
    expect((await stage.dial({ path: '/' }).closed).reason).toContain('404');
    const ask = async (headers: string): Promise<string> => {
      const ca = stage.authority.cert;
      const socket = connectTls({ port: stage.port, ca, servername: 'quaymaster-operator-control' });
      sockets.push(socket);
      socket.write(`GET /v1/control HTTP/1.1\r\nhost: x\r\n${headers}\r\n`);
      return await new Promise<string>((resolve) => {
        socket.on('data', (data: Buffer) => resolve(data.toString()));
      });
    };
    expect(await ask('')).toContain('426');
    expect(await ask('connection: upgrade\r\nupgrade: websocket\r\n')).toContain('400');
    expect(rejected('handshake')).toBe(1);
    expect(rejected('path')).toBe(2);
  });

  test('a frame too large, rubbish, binary and broken text end the stream', async () => {
    await begin({ messageBytes: 10_000 });
    const large = await stage.join();
    large.say({ ...reportOf(), catalogHash: 'x'.repeat(10_000) });
    expect((await large.closed).code).toBe(1009);
    expect(rejected('tooLarge')).toBe(1);
    const pieces = await stage.join();
    for (let count = 0; count < 12; count++) pieces.socket.send('x'.repeat(1_000), { fin: false });
    expect((await pieces.closed).code).toBe(1009);
    for (const data of ['{', '[]', '{"type":"report"}', Buffer.from('{}')]) {
      const peer = await stage.join();
      peer.socket.send(data);
      expect((await peer.closed).code).toBe(4008);
    }
    const broken = await stage.join();
    broken.socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
    expect((await broken.closed).code).toBe(1007);
  });

  test('a replica that talks without end is not read until its next turn, and keeps its stream', async () => {
    await begin({ messagesPerSweep: 5, sweepMs: 100 });
    const peer = await stage.join();
    const other = await stage.join({ name: 'h-2', uid: 'u2' });
    const filler = 'x'.repeat(100_000);
    for (let count = 1; count <= 20; count++) peer.say({ ...reportOf({ tools: count }), filler });
    other.say(reportOf({ tools: 7 }));
    await until('the other', () => stage.server.replicas('default/h')[1]?.report?.tools === 7);
    expect(stage.server.replicas('default/h')[0]?.report?.tools).toBeLessThan(20);
    await until('all of it', () => stage.server.replicas('default/h')[0]?.report?.tools === 20);
  });

  test('one that floods pings is not answered for ever: not read, or cut off by the library', async () => {
    await begin({ messagesPerSweep: 5, sweepMs: 50 });
    const peer = await stage.join();
    const other = await stage.join({ name: 'h-2', uid: 'u2' });
    let pongs = 0;
    peer.socket.on('pong', () => {
      pongs += 1;
    });
    // More than one read of the socket takes.
    for (let count = 0; count < 40_000; count++) peer.socket.ping('x'.repeat(100));
    peer.say(reportOf({ tools: 3 }));
    other.say(reportOf({ tools: 7 }));
    const byOther = () => stage.server.replicas('default/h').find(({ pod: { uid } }) => uid === 'u2')?.report?.tools;
    await until('the other is heard', () => byOther() === 7);
    await new Promise((resolve) => {
      setTimeout(resolve, 250);
    });
    expect(pongs).toBeLessThan(20_000);
    expect(stage.server.replicas('default/h').some(({ report }) => report?.tools === 3)).toBe(false);
  });

  test('a document over the largest frame is not sent, and the rest is', async () => {
    await begin();
    const peer = await stage.join();
    stage.server.publish('default/h', publication(1, {}, 'x'.repeat(17 * 1_024 * 1_024)));
    await until('the rest', () => peer.types().includes('peers'));
    expect(peer.types()).toEqual(['credentials', 'endpoints', 'peers']);
    expect(rejected('documentTooLarge')).toBe(1);
  });
});

test('no token, value or message of anybody reaches a log', async () => {
  await begin();
  const planted = 'planted-3f9a1c';
  stage.reviews.failing = true;
  await stage.dial({ token: `head.${planted}.x` }).closed;
  stage.reviews.failing = false;
  await stage.dial({ token: `rubbish.${planted}` }).closed;
  const credentials = { hash: 'c', values: { k: Buffer.from(planted).toString('base64'), l: planted } };
  stage.server.publish('default/h', publication(1, { credentials }));
  const peer = await stage.join({ hello: { version: `0.1.0${'x'.repeat(80)}${planted}` } });
  await until('the values', () => peer.last('credentials') !== undefined);
  peer.say({ ...reportOf(), problems: [{ reason: 'X', message: planted }] });
  peer.say({ type: 'ack', hash: planted, generation: 1, ok: false, message: planted });
  peer.say({ type: planted });
  peer.say({ type: 'hello', [planted]: planted });
  await peer.closed;
  expect(stage.log.length).toBeGreaterThan(3);
  const log = stage.log.join('');
  expect(log).not.toContain(planted);
  expect(log).not.toContain(Buffer.from(planted).toString('base64'));
  expect(JSON.stringify(stage.metrics.all)).not.toContain(planted);
});

test('a flood of refusals is a few lines of log, and says how many it left out', async () => {
  await begin();
  await Promise.all(Array.from({ length: 30 }, () => stage.dial({ token: null }).closed));
  expect(rejected('noToken')).toBe(30);
  expect(stage.log.filter((line) => line.includes('noToken'))).toHaveLength(1);
});

test('all replicas come back at once: each token is looked at once, a few at a time, and not again when they return', async () => {
  await begin({ reviewsAtOnce: 8 });
  stage.reviews.delayMs = 1;
  for (let hub = 0; hub < 10; hub++) stage.server.publish(`default/h${hub}`, publication(1));
  const storm = async (): Promise<void> => {
    const peers = Array.from({ length: 40 }, (_, at) =>
      stage.dial({ hub: `default/h${at % 10}`, name: `h-${at}`, uid: `u${at}`, acks: true }),
    );
    const settled = (): number =>
      Array.from({ length: 10 }, (_, hub) => stage.server.replicas(`default/h${hub}`))
        .flat()
        .filter(({ acknowledged }) => acknowledged !== undefined).length;
    await until('all have acknowledged', () => settled() === 40, 8_000);
    for (const { socket } of peers) socket.terminate();
    await until('all are gone', () => stage.metrics.last('quaymaster_control_connections', { state: 'proven' }) === 0);
  };
  await storm();
  await storm();
  expect(stage.reviews.asked).toHaveLength(40);
  expect(stage.reviews.most()).toBeLessThanOrEqual(8);
});

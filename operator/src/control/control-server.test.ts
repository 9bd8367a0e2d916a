/** The stream as hubs live with it: what they are sent and in which order, what comes back, who may stay. Real TLS, real WebSockets. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { WebSocket } from 'ws';

import { until } from '../kube/testing/index.ts';
import { createIssuer } from './issue-certificates.ts';
import { publication, reportOf, type Stage, startStage } from './testing/index.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await startStage({ limits: { sweepMs: 20, closeMs: 200 } });
});
afterEach(() => stage[Symbol.asyncDispose]());

describe('publishing', () => {
  test('HT-0.05 a hub gets credentials, then the document that needs them, then endpoints and peers; and is acknowledged', async () => {
    const state = publication(7);
    stage.server.publish('default/h', state);
    const peer = await stage.join({ acks: true });
    await until('all four', () => peer.messages.length === 4);
    expect(peer.types()).toEqual(['credentials', 'config', 'endpoints', 'peers']);
    expect(peer.messages).toEqual([
      { type: 'credentials', ...state.credentials },
      { type: 'config', document: state.document },
      { type: 'endpoints', servers: state.endpoints },
      { type: 'peers', peers: state.peers },
    ]);
    const { hash } = state.document;
    await until('acknowledged', () => stage.server.replicas('default/h')[0]?.acknowledged?.hash === hash);
    expect(stage.server.replicas('default/h')).toEqual([
      {
        pod: { name: 'h-1', uid: 'u1', ip: '10.0.0.1' },
        version: '0.1.0',
        acknowledged: { hash, generation: 7 },
        connectedSince: expect.any(Number),
      },
    ]);
    expect(stage.metrics.last('quaymaster_control_ack_seconds', { verdict: 'accepted' })).toBeLessThan(5);
    expect(stage.metrics.sum('quaymaster_control_messages_total', { type: 'config', direction: 'out' })).toBe(1);
    expect(stage.metrics.sum('quaymaster_control_bytes_total', { direction: 'out' })).toBeGreaterThan(400);
  });

  test('a document is written once for all replicas, given up when all have it, and written again for one that comes later', async () => {
    let written = 0;
    const state = publication(1);
    const document = { ...state.document, toJSON: () => ((written += 1), state.document) };
    const replicas = [
      await stage.join(),
      await stage.join({ name: 'h-2', uid: 'u2' }),
      await stage.join({ name: 'h-3', uid: 'u3' }),
    ];
    stage.server.publish('default/h', { ...state, document });
    await until('all have it', () => replicas.every((peer) => peer.types().includes('peers')));
    expect(written).toBe(1);
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    const late = await stage.join({ name: 'h-4', uid: 'u4' });
    await until('it has it', () => late.types().includes('peers'));
    expect(written).toBe(2);
  });

  test('the same again sends nothing; a change sends what changed', async () => {
    stage.server.publish('default/h', publication(1));
    const peer = await stage.join({ acks: true });
    await until('all four', () => peer.messages.length === 4);
    stage.server.publish('default/h', publication(1));
    stage.server.publish('default/h', publication(1, { endpoints: {} }));
    await until('endpoints', () => peer.last('endpoints')?.servers['default/a'] === undefined);
    stage.server.publish('default/h', publication(2, { endpoints: {} }));
    await until('the document', () => peer.last('config')?.document.generation === 2);
    expect(peer.types().slice(4)).toEqual(['endpoints', 'config']);
  });

  test('what a replica says it runs is not sent again, and counts as acknowledged (the operator was replaced)', async () => {
    const state = publication(3);
    stage.server.publish('default/h', state);
    const running = { hash: state.document.hash, generation: 3 };
    const peer = await stage.join({ hello: { running, credentials: 'c1' } });
    await until('the rest', () => peer.messages.length === 2);
    expect(peer.types()).toEqual(['endpoints', 'peers']);
    expect(stage.server.replicas('default/h')[0]?.acknowledged).toEqual(running);
  });

  test('the same content under a new number is sent, so that replicas agree on the number', async () => {
    const state = publication(3);
    stage.server.publish('default/h', state);
    const peer = await stage.join({
      hello: { running: { hash: state.document.hash, generation: 2 }, credentials: 'c1' },
    });
    await until('the document', () => peer.last('config')?.document.generation === 3);
  });

  test('a hub that dials before its first publication waits for it', async () => {
    const peer = await stage.join();
    expect(peer.messages).toEqual([]);
    stage.server.publish('default/h', publication(1));
    await until('the document', () => peer.last('config') !== undefined);
  });

  test('HT-0.05 values that the former document needs stay until the new one is acknowledged', async () => {
    const values = { old: 'b2xk', both: 'MQ==' };
    stage.server.publish('default/h', publication(1, { credentials: { hash: 'c1', values } }));
    const slow = await stage.join();
    const quick = await stage.join({ name: 'h-2', uid: 'u2', acks: true });
    await until('first documents', () => slow.types().includes('peers') && quick.types().includes('peers'));
    slow.say({ type: 'ack', hash: publication(1).document.hash, generation: 1, ok: true });
    await until('settled', () =>
      stage.server.replicas('default/h').every((replica) => replica.acknowledged?.generation === 1),
    );
    stage.server.publish(
      'default/h',
      publication(2, { credentials: { hash: 'c2', values: { both: 'Mg==', new: 'bmV3' } } }),
    );
    await until(
      'documents',
      () => quick.last('config')?.document.generation === 2 && slow.last('config')?.document.generation === 2,
    );
    await until('exact values', () => quick.last('credentials')?.hash === 'c2');
    // Order matters: everything, the document, and only then without the old value.
    expect(quick.types().slice(4)).toEqual(['credentials', 'config', 'credentials']);
    expect(quick.messages[4]).toMatchObject({ values: { old: 'b2xk', both: 'Mg==', new: 'bmV3' } });
    expect(quick.last('credentials')?.values).toEqual({ both: 'Mg==', new: 'bmV3' });
    expect(slow.last('credentials')?.values).toEqual({ old: 'b2xk', both: 'Mg==', new: 'bmV3' });
    slow.say({ type: 'ack', hash: publication(2).document.hash, generation: 2, ok: true });
    await until('exact values', () => slow.last('credentials')?.hash === 'c2');
  });
});

describe('what hubs say', () => {
  test('a refused document is kept with its reason, masked and short, until one is taken over', async () => {
    stage.server.publish('default/h', publication(1));
    const peer = await stage.join();
    const { hash } = publication(1).document;
    const message = `cannot apply: password=hunter2-hunter2 ${'x'.repeat(5_000)}`;
    peer.say({ type: 'ack', hash, generation: 1, ok: false, message });
    await until('refused', () => stage.server.replicas('default/h')[0]?.refused !== undefined);
    const [replica] = stage.server.replicas('default/h');
    expect(replica?.refused?.hash).toBe(hash);
    expect(replica?.refused?.message).toMatch(/^cannot apply: password=\[masked\]/);
    expect(replica?.refused?.message.length).toBeLessThanOrEqual(512);
    expect(replica?.acknowledged).toBeUndefined();
    expect(stage.metrics.last('quaymaster_control_ack_seconds', { verdict: 'refused' })).toBeDefined();
    peer.say({ type: 'ack', hash, generation: 1, ok: true });
    await until('taken over', () => stage.server.replicas('default/h')[0]?.refused === undefined);
  });

  test('the last report is kept; counters alone are load, everything else is state', async () => {
    const peer = await stage.join();
    const tell = async (report: ReturnType<typeof reportOf>): Promise<string[]> => {
      // What the turn before had to tell.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      stage.changes.length = 0;
      peer.say(report);
      await until('a change', () => stage.changes.length > 0);
      return [...stage.changes];
    };
    expect(await tell(reportOf())).toEqual(['default/h state']);
    const busy = reportOf({ load: { inFlight: 9, sessions: 3, streams: 1, eventLoop: 0.9 } });
    expect(await tell(busy)).toEqual(['default/h load']);
    expect(stage.server.replicas('default/h')[0]?.report).toEqual(busy);
    const wanted = reportOf({ servers: { 'default/a': { observed: { phase: 'Ready' }, inFlight: 0, waiting: 2 } } });
    expect(await tell(wanted)).toEqual(['default/h state']);
    const [server] = Object.values(wanted.servers);
    if (server === undefined) throw new Error('no server');
    const newer = { ...wanted, servers: { 'default/a': { ...server, waiting: 5, runtimeHash: 'r2' } } };
    expect(await tell(newer)).toEqual(['default/h state']);
    expect(
      await tell({ ...newer, servers: { 'default/a': { ...server, waiting: 9, inFlight: 3, runtimeHash: 'r2' } } }),
    ).toEqual(['default/h load']);
    expect(await tell({ ...wanted, tools: 2 })).toEqual(['default/h state']);
  });

  test('many changes in one turn are one call; a listener that throws harms nobody', async () => {
    stage.server.onChange(() => {
      throw new Error('mine');
    });
    const seen: string[] = [];
    const stop = stage.server.onChange((hub) => seen.push(hub));
    const peer = await stage.join();
    await until('told', () => seen.length > 0);
    seen.length = 0;
    for (let count = 0; count < 20; count++) peer.say(reportOf({ tools: count }));
    await until('the last', () => stage.server.replicas('default/h')[0]?.report?.tools === 19);
    expect(seen.length).toBeLessThan(15);
    stop();
    seen.length = 0;
    peer.socket.terminate();
    await until('gone', () => stage.server.replicas('default/h').length === 0);
    expect(seen).toEqual([]);
    expect(stage.log.join('')).toContain('a listener of hubs failed');
  });

  test('what a neighbouring release says more is ignored', async () => {
    const peer = await stage.join();
    peer.say({ type: 'weather', is: 'fine' });
    peer.say(reportOf());
    await until('the report', () => stage.server.replicas('default/h')[0]?.report !== undefined);
    expect(stage.metrics.sum('quaymaster_control_messages_total', { type: 'ignored', direction: 'in' })).toBe(1);
  });
});

describe('who leads', () => {
  test('HT-3.19 a standby sends hubs on to the leader at once, before any token is looked at', async () => {
    stage.isLeader = false;
    const peer = stage.dial({ token: null });
    expect(await peer.closed).toEqual({ code: 4001, reason: '10.0.0.9:7578' });
    expect(stage.reviews.asked).toEqual([]);
  });

  test('HT-3.19 a leader that lost its office ends its streams, and tells nobody anything', async () => {
    const peer = await stage.join();
    stage.isLeader = false;
    stage.server.publish('default/h', publication(1));
    expect((await peer.closed).code).toBe(4001);
    expect(peer.messages).toEqual([]);
    expect(stage.server.replicas('default/h')).toEqual([]);
    const idle = await startStage({ limits: { sweepMs: 20 } });
    const resting = await idle.join();
    idle.isLeader = false;
    expect(await resting.closed).toEqual({ code: 4001, reason: '10.0.0.9:7578' });
    await idle[Symbol.asyncDispose]();
  });

  test('an operator that ends says so, and waits for nobody long', async () => {
    const peer = await stage.join();
    const silent = stage.dial({ hello: null });
    await until('open', () => silent.socket.readyState === WebSocket.OPEN);
    await stage.server.close();
    expect((await peer.closed).code).toBe(1001);
    expect((await silent.closed).code).toBe(1001);
  });

  test('a deleted hub: its streams end with 4004, and nothing is remembered', async () => {
    stage.server.publish('default/h', publication(1));
    const peer = await stage.join();
    stage.server.forget('default/h');
    stage.server.forget('default/h');
    expect((await peer.closed).code).toBe(4004);
    const again = await stage.join();
    expect(again.messages).toEqual([]);
  });
});

test('a new certificate is served without breaking streams', async () => {
  const peer = await stage.join();
  const issuer = createIssuer();
  const former = stage.authority;
  stage.authority = await issuer.authority(Date.now());
  stage.serving = await issuer.serving(stage.authority, ['quaymaster-operator-control'], Date.now());
  let code = 0;
  for (let tries = 0; code !== 4003 && tries < 50; tries++) {
    ({ code } = await stage.dial({ token: null }).closed);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  expect(code).toBe(4003);
  stage.authority = former;
  expect((await stage.dial({ token: null }).closed).code).toBe(0);
  expect(peer.socket.readyState).toBe(WebSocket.OPEN);
});

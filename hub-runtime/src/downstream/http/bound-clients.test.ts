/** Clients that are bound to one replica, and what comes to another one: posts of HTTP+SSE, and modern requests on a WebSocket. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';

import type { ForwardRequest, ForwardSink, PeerRouter } from '../../session/index.ts';
import { FakeHub, testEdge } from '../fake-hub.ts';
import { enveloped, jsonHeaders, type Rig, startRig } from './test-http.ts';

type Sending = (request: ForwardRequest, sink: ForwardSink) => void;

const hub = () => new FakeHub({ transports: { sse: true, websocket: true } });
const json = ['content-type', 'application/json'];
const events = ['content-type', 'text/event-stream'];

function fakePeers(sending: Sending = (_request, sink) => sink.end('refused')) {
  const forwarded: (ForwardRequest & { readonly peer: string })[] = [];
  let cancelled = 0;
  const peers: PeerRouter = {
    self: 'self',
    attach: () => () => {},
    mirror: () => false,
    left: () => {},
    ended: () => {},
    locate: async () => ({ kind: 'ended' }),
    cancel: () => {},
    forward(peer, request, sink) {
      forwarded.push({ ...request, peer });
      queueMicrotask(() => sending(request, sink));
      return { resume: () => {}, cancel: () => void cancelled++ };
    },
  };
  return {
    peers,
    forwarded,
    get cancelled() {
      return cancelled;
    },
  };
}

/** An address that another replica gave out, under the same key. */
const { sealer } = testEdge().deps;
const addressOf = (replica: string, hubKey = 'default/desk'): string =>
  sealer.seal('old-address', { h: hubKey, i: 'connection', o: replica });
const body = { jsonrpc: '2.0', id: 1, method: 'ping' };
const post = (rig: Rig, token: string) =>
  rig.send({ path: `/mcp/messages?sessionId=${token}&x=1`, headers: jsonHeaders, body });

describe('HT-0.13 a post whose stream is at another replica', () => {
  test('is sent there, without its query, and its answer comes back', async () => {
    const fake = fakePeers((_request, sink) => {
      sink.head(202, ['content-length', '0']);
      sink.end('done');
    });
    await using rig = await startRig(hub(), { peers: fake.peers });
    const token = addressOf('other');
    expect((await post(rig, token)).status).toBe(202);
    const [sent] = fake.forwarded;
    expect(sent).toMatchObject({ peer: 'other', method: 'POST', path: '/mcp/messages', session: undefined });
    expect(sent?.rawHeaders.slice(-2)).toEqual(['mcp-session-id', token]);
    expect(sent?.body?.toString()).toBe(JSON.stringify(body));
  });

  test('a header of that name is the client\u2019s invention and does not travel', async () => {
    const fake = fakePeers();
    await using rig = await startRig(hub(), { peers: fake.peers });
    const headers = { ...jsonHeaders, 'mcp-session-id': 'invented' };
    await rig.send({ path: `/mcp/messages?sessionId=${addressOf('other')}`, headers, body });
    expect(fake.forwarded[0]?.rawHeaders.filter((one) => one.toLowerCase() === 'mcp-session-id')).toHaveLength(1);
    expect(fake.forwarded[0]?.rawHeaders).not.toContain('invented');
  });

  test.each([
    ['refused', 404],
    ['busy', 503],
    ['lost', 200],
  ] as const)('that is %s is answered %d', async (how, status) => {
    const fake = fakePeers((_request, sink) => sink.end(how));
    await using rig = await startRig(hub(), { peers: fake.peers });
    expect((await post(rig, addressOf('other'))).status).toBe(status);
  });

  test('goes nowhere when the address is of another hub, of this replica, or nobody\u2019s', async () => {
    const fake = fakePeers();
    await using rig = await startRig(hub(), { peers: fake.peers });
    for (const token of [addressOf('other', 'default/attic'), addressOf('self'), 'guess', ''])
      expect((await post(rig, token)).status).toBe(404);
    expect(fake.forwarded).toEqual([]);
  });

  test('what another replica has sent is served, or 404, never sent on', async () => {
    const fake = fakePeers();
    await using rig = await startRig(hub(), { peers: fake.peers });
    const { door } = rig.listener;
    const side = createServer(
      { IncomingMessage: door.requestClass, ServerResponse: door.responseClass },
      (request, response) => door.receive(request, response, () => true),
    );
    await new Promise<void>((resolve) => side.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(side.address() as AddressInfo).port}`;
    const stream = await rig.open({ method: 'GET', path: '/mcp/sse', headers: { accept: 'text/event-stream' } });
    await expect.poll(() => stream.text()).toContain('sessionId=');
    const [, own = ''] = /sessionId=(\S+)/.exec(stream.text()) ?? [];
    const send = async (path: string, token?: string): Promise<number> => {
      const headers = { ...jsonHeaders, ...(token === undefined ? {} : { 'mcp-session-id': token }) };
      return (await fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;
    };
    expect(await send('/mcp/messages', own)).toBe(202);
    await expect.poll(() => stream.text()).toContain('"result":{}');
    expect(await send('/mcp/messages', addressOf('other'))).toBe(404);
    expect(await send('/mcp/messages')).toBe(404);
    expect(await send('/other/messages', own)).toBe(421);
    expect(fake.forwarded).toEqual([]);
    await new Promise((resolve) => side.close(resolve));
  });
});

describe('HT-0.14 a modern request on a WebSocket that goes on with a call of another replica', () => {
  const state = (owner: string): string =>
    sealer.seal('request-state', { k: 'parked', o: owner, p: '', d: '', u: '', n: 1, s: 'x' });

  // oxlint-disable-next-line typescript/no-explicit-any
  async function ask(rig: Rig, requestState: string, more: (socket: WebSocket) => void = () => {}): Promise<any[]> {
    const socket = new WebSocket(`ws://127.0.0.1:${rig.listener.port}/mcp`, ['mcp']);
    // oxlint-disable-next-line typescript/no-explicit-any
    const heard: any[] = [];
    socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString('utf8'))));
    await new Promise((resolve) => socket.once('open', resolve));
    const params = { name: 'täsk', arguments: {}, requestState, _meta: enveloped() };
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 'a', method: 'tools/call', params }));
    more(socket);
    await expect.poll(() => heard.some(({ id }) => id === 'a')).toBe(true);
    socket.terminate();
    return heard;
  }

  test('is posted there with the headers of its era; notifications and answer come back in order', async () => {
    const fake = fakePeers((_request, sink) => {
      sink.head(200, events);
      sink.data(Buffer.from('data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\nda'));
      sink.data(Buffer.from('ta: {"jsonrpc":"2.0","id":"a","result":{"resultType":"complete"}}\n\n'));
      sink.end('done');
    });
    await using rig = await startRig(hub(), { peers: fake.peers });
    const heard = await ask(rig, state('other'));
    expect(heard.map(({ method, id }) => method ?? id)).toEqual(['notifications/progress', 'a']);
    const [sent] = fake.forwarded;
    expect(sent).toMatchObject({ peer: 'other', method: 'POST', path: '/hubs/default/desk/mcp' });
    expect(sent?.rawHeaders).toContain('=?base64?dMOkc2s=?=');
    expect(rig.hub.calls).toEqual([]);
  });

  test('an answer that is no stream', async () => {
    const fake = fakePeers((_request, sink) => {
      sink.head(200, json);
      sink.data(Buffer.from('{"jsonrpc":"2.0","id":"a",'));
      sink.data(Buffer.from('"result":{"resultType":"complete"}}'));
      sink.end('done');
    });
    await using rig = await startRig(hub(), { peers: fake.peers });
    expect((await ask(rig, state('other')))[0].result).toEqual({ resultType: 'complete' });
  });

  test.each([
    ['refused', 'QM_QUESTION_EXPIRED'],
    ['busy', 'QM_REPLICA_UNREACHABLE'],
    ['lost', 'QM_REPLICA_LOST'],
    ['done', 'QM_REPLICA_LOST'],
  ] as const)('that is %s without an answer says so', async (how, code) => {
    const fake = fakePeers((_request, sink) => sink.end(how));
    await using rig = await startRig(hub(), { peers: fake.peers });
    expect((await ask(rig, state('other')))[0].error.data.code).toBe(code);
  });

  test('is cancelled there', async () => {
    let [end, onCancelled] = [(): void => {}, (): void => {}];
    const fake = fakePeers((_request, sink) => {
      end = () => {
        sink.head(200, json);
        sink.data(Buffer.from('{"jsonrpc":"2.0","id":"a","result":{}}'));
        sink.end('done');
      };
    });
    await using rig = await startRig(hub(), { peers: fake.peers });
    const heard = ask(rig, state('other'), (socket) => {
      const say = (message: object): void => socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
      say({ method: 'notifications/cancelled', params: { requestId: 'a' } });
      onCancelled = () => {
        end();
        // What comes late for it is nobody's; the id is free again.
        say({ id: 'a', method: 'server/discover', params: { _meta: enveloped() } });
      };
    });
    await expect.poll(() => fake.cancelled).toBe(1);
    onCancelled();
    expect((await heard)[0].result.supportedVersions).toEqual(['2026-07-28']);
  });

  test('one of this replica, or of nobody, is served here', async () => {
    const fake = fakePeers();
    await using rig = await startRig(hub(), { peers: fake.peers });
    await ask(rig, state('self'));
    await ask(rig, 'made up');
    expect(fake.forwarded).toEqual([]);
    expect(rig.hub.calls).toHaveLength(2);
  });
});

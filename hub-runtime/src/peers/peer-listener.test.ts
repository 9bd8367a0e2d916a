/** The door of a replica, as somebody sees it who is inside the cluster and no replica, or one who only heard what replicas said. */
import { randomBytes } from 'node:crypto';
import { createServer, request } from 'node:https';
import { type AddressInfo, connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createTestClock, silentLogger, systemClock } from '../base/index.ts';
import { silentObserver } from '../observe/index.ts';
import { createSealer, sessionDigest } from '../session/index.ts';
import { startPeerListener } from './peer-listener.ts';
import { PeerFailed, PeerTransport } from './peer-transport.ts';
import { pskClient } from './psk.ts';
import { createRequestMac, signatureHeader } from './request-mac.ts';
import { call, initialize, sharedKey, startTestReplica, type TestReplica } from './testing/replica-rig.ts';

let replica: TestReplica;
let session: string;

beforeAll(async () => {
  replica = await startTestReplica('uid-door');
  session = await initialize(replica);
});

afterAll(async () => {
  await replica.kill();
});

const keysOf = (key: Buffer) => createSealer([key], { ...createTestClock(), now: () => Date.now() }, randomBytes).keys;
const clock = { ...createTestClock(), now: () => Date.now() };
const self = sessionDigest('uid-other');
const to = sessionDigest('uid-door');
const mac = createRequestMac({ self, life: 'life', keys: keysOf(sharedKey), clock });

interface Try {
  readonly method?: string;
  readonly url?: string;
  readonly body?: string;
  readonly signature?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tlsKey?: Buffer;
}

interface Got {
  readonly status: number;
  readonly why: unknown;
  readonly text: string;
}

async function attempt({
  method = 'POST',
  url = '/v1/claim',
  body = '',
  signature,
  headers,
  tlsKey,
}: Try): Promise<Got> {
  return new Promise((resolve, reject) => {
    const out = request({
      ...pskClient(keysOf(tlsKey ?? sharedKey)),
      host: '127.0.0.1',
      port: replica.door.port,
      agent: false,
      method,
      path: url,
      headers: {
        ...headers,
        'content-length': Buffer.byteLength(body),
        ...(signature !== undefined && { [signatureHeader]: signature }),
      },
    });
    out.on('error', reject);
    out.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, why: response.headers['x-quaymaster-refused'], text }),
      );
    });
    out.end(body);
  });
}

function signed(body: string, { method = 'POST', url = '/v1/claim', headers = [] as string[] } = {}): string {
  return mac.sign({ method, url, headers }, to, Buffer.from(body));
}

const claim = JSON.stringify({ id: '0'.repeat(32), hub: 'default/desk' });

describe('the lock of the connection', () => {
  test('EF-30 no key, no TLS; another key, none either', async () => {
    await expect(attempt({ tlsKey: randomBytes(32), body: claim, signature: signed(claim) })).rejects.toThrow();
    const plain = connect(replica.door.port, '127.0.0.1');
    plain.write('POST /v1/claim HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
    const heard = await new Promise<string>((resolve) => {
      let text = '';
      plain.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      plain.on('error', () => {});
      plain.on('close', () => resolve(text));
    });
    expect(heard).not.toContain('HTTP/1.1');
    expect(replica.counted.get('peerRefusals tls')).toBeGreaterThanOrEqual(2);
  });

  test('EF-30 who has the address of a replica that is gone, and not its key, hears nothing of a request', async () => {
    let heard = 0;
    const impostor = createServer({ ...pskOf(randomBytes(32)) }, () => heard++);
    impostor.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    const { port } = impostor.address() as AddressInfo;
    const transport = new PeerTransport(keysOf(sharedKey), mac, systemClock);
    const peer = { id: to, name: 'gone', origin: `https://127.0.0.1:${port}` };
    await expect(transport.call(peer, '/v1/claim', {}, 1_000)).rejects.toThrow(PeerFailed);
    expect(heard).toBe(0);
    await transport.close();
    impostor.close();
  });
});

function pskOf(key: Buffer) {
  return { minVersion: 'TLSv1.3' as const, ciphers: 'TLS_AES_128_GCM_SHA256', pskCallback: () => key };
}

describe('the lock of the request', () => {
  test('EF-30 a signed request is answered; the same once more is not, nor is one without or with another signature', async () => {
    const signature = signed(claim);
    expect(await attempt({ body: claim, signature })).toEqual({
      status: 200,
      why: undefined,
      text: '{"state":"none"}',
    });
    expect(await attempt({ body: claim, signature })).toMatchObject({ status: 401, why: 'replay', text: '' });
    expect(await attempt({ body: claim })).toMatchObject({ status: 401, why: 'missing' });
    expect(await attempt({ body: claim, signature: 'x' })).toMatchObject({ status: 401, why: 'malformed' });
    const forged = signed(claim).replace(/.{6}$/, 'AAAAAA');
    expect(await attempt({ body: claim, signature: forged })).toMatchObject({ status: 401, why: 'signature' });
  });

  test('EF-30 another body than the signed one does nothing, forwarded or not', async () => {
    const other = JSON.stringify({ id: '1'.repeat(32), hub: 'default/desk' });
    expect(await attempt({ body: other, signature: signed(claim) })).toMatchObject({ status: 401, why: 'body' });
    const url = '/v1/forward/mcp';
    const headers = { 'content-type': 'application/json', 'mcp-session-id': session };
    const list = Object.entries(headers).flat();
    const [good, bad] = ['a', 'b'].map((id) => JSON.stringify(call(session, id).body)) as [string, string];
    const signature = signed(good, { url, headers: list });
    expect((await attempt({ url, headers, body: bad, signature })).status).toBe(401);
    expect(replica.upstream.calls).toEqual([]);
    const right = await attempt({ url, headers, body: good, signature: signed(good, { url, headers: list }) });
    expect([right.status, replica.upstream.calls.length]).toEqual([200, 1]);
  });

  test('EF-30 a signature of a minute ago, or of another key, is none', async () => {
    const old = createRequestMac({
      self,
      life: 'old',
      keys: keysOf(sharedKey),
      clock: { ...clock, now: () => Date.now() - 61_000 },
    });
    const head = { method: 'POST', url: '/v1/claim', headers: [] };
    const stale = old.sign(head, to, Buffer.from(claim));
    expect(await attempt({ body: claim, signature: stale })).toMatchObject({ status: 401, why: 'time' });
    const stranger = createRequestMac({ self, life: 'x', keys: keysOf(randomBytes(32)), clock });
    const strange = stranger.sign(head, to, Buffer.from(claim));
    expect(await attempt({ body: claim, signature: strange })).toMatchObject({ status: 401, why: 'key' });
  });
});

describe('behind both locks', () => {
  test('only what is known is done', async () => {
    const ask = (url: string, body: string): Promise<Got> => attempt({ url, body, signature: signed(body, { url }) });
    expect((await ask('/v1/claim', 'no json')).status).toBe(400);
    expect((await ask('/v1/claim', '{}')).status).toBe(400);
    expect((await ask('/v1/cancel', '{}')).status).toBe(400);
    expect((await ask('/v1/other', '{}')).status).toBe(404);
    expect((await ask('/v1/notes', '[]')).status).toBe(200);
    expect((await ask('/v1/cancel', JSON.stringify({ ...JSON.parse(claim), call: '1' }))).status).toBe(200);
    await expect(ask('/v1/notes', ' '.repeat(2 * 1024 * 1024))).rejects.toThrow();
    expect((await ask('/v1/forward/elsewhere', '{}')).status).toBe(421);
  });

  test('EF-30 a forwarded request is not sent on again, and Host and Origin were looked at before', async () => {
    const other = await startTestReplica('uid-other-owner');
    const foreign = await initialize(other);
    replica.peers.update([replica.address, other.address]);
    other.peers.update([replica.address, other.address]);
    const url = '/v1/forward/mcp';
    const headers = { 'content-type': 'application/json', 'mcp-session-id': foreign };
    const body = JSON.stringify(call(foreign).body);
    const got = await attempt({
      url,
      headers,
      body,
      signature: signed(body, { url, headers: Object.entries(headers).flat() }),
    });
    expect(got.status).toBe(421);
    expect([replica, other].map(({ counted }) => counted.get('peerForwards default/desk'))).toEqual([
      undefined,
      undefined,
    ]);
    await other.kill();
  });

  test('there is room for so many requests and no more', async () => {
    const narrow = await startPeerListener({
      host: '127.0.0.1',
      port: 0,
      peers: replica.peers,
      door: replica.listener.door,
      clock: createTestClock(),
      log: silentLogger,
      observer: silentObserver,
      mostOpen: 0,
    });
    const transport = new PeerTransport(keysOf(sharedKey), mac, systemClock);
    const peer = { id: to, name: 'full', origin: `https://127.0.0.1:${narrow.port}` };
    await expect(transport.call(peer, '/v1/claim', {}, 1_000)).rejects.toThrow('it answered 503');
    await transport.close();
    await narrow.close(0);
    await narrow.close(0);
  });

  test('a port that somebody has is said with its reason', async () => {
    const { peers, listener } = replica;
    const common = { peers, door: listener.door, clock, log: silentLogger, observer: silentObserver };
    const taken = startPeerListener({ ...common, host: '127.0.0.1', port: replica.door.port });
    await expect(taken).rejects.toThrow('EADDRINUSE');
  });
});

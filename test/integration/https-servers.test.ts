/** Servers behind TLS: a certificate that is vouched for, one that is not, and one of another name. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectLegacy, connectModern, startHttpServer, until } from '../kit/index.ts';
import type { RunningServer } from '../kit/index.ts';
import { mcpHub, mcpServer, type RunningHub, startHub } from './support/running-hub.ts';

let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qm-tls-'));
  for (const name of ['localhost', 'elsewhere.example'])
    execFileSync('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-addext',
      `subjectAltName=DNS:${name}`,
      '-keyout',
      join(folder, `${name}.key`),
      '-out',
      join(folder, `${name}.pem`),
    ]);
  server = await startHttpServer({ tools: [{ name: 'echo' }] });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

interface Terminator extends AsyncDisposable {
  readonly url: string;
  /** Bytes of requests that came. */
  readonly heard: () => number;
  /** Handshakes, and how many of them took up an earlier session. */
  readonly handshakes: () => { readonly all: number; readonly resumed: number };
}

/** Ends TLS in front of the server, with the certificate of this name. */
async function terminate(name: string): Promise<Terminator> {
  const { port } = new URL(server.url);
  const sockets = new Set<TLSSocket>();
  let resumed = 0;
  let all = 0;
  let heard = 0;
  const tls = createServer(
    { key: readFileSync(join(folder, `${name}.key`)), cert: readFileSync(join(folder, `${name}.pem`)) },
    (socket) => {
      all++;
      if (socket.isSessionReused()) resumed++;
      sockets.add(socket);
      const behind = connect(Number(port), '127.0.0.1');
      socket.on('data', (data: Buffer) => (heard += data.length));
      socket.on('error', () => behind.destroy());
      behind.on('error', () => socket.destroy());
      socket.pipe(behind).pipe(socket);
    },
  );
  tls.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(tls.address() as AddressInfo).port}${new URL(server.url).pathname}`,
    heard: () => heard,
    handshakes: () => ({ all, resumed }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => tls.close(resolve));
    },
  };
}

function hubOf(url: string, trusted?: string): Promise<RunningHub> {
  return startHub(
    [mcpHub(), mcpServer('s', { source: { remote: { url } } })],
    trusted === undefined ? {} : { env: { NODE_EXTRA_CA_CERTS: join(folder, `${trusted}.pem`) } },
  );
}

describe('HS-15 servers behind TLS', () => {
  test('calls of both eras, connections are kept, and a new one takes up the session of the last', async () => {
    await using front = await terminate('localhost');
    await using hub = await hubOf(front.url, 'localhost');
    await using modern = await connectModern(hub.url);
    await using legacy = await connectLegacy(hub.url);
    for (const client of [modern, legacy])
      for (let n = 0; n < 10; n++)
        expect((await client.callTool('s_echo', { n })).result).toMatchObject({
          content: expect.any(Array) as object[],
        });
    const alone = front.handshakes();
    expect(alone.all).toBeLessThan(10);
    // How many of them are at the hub at once, and so need a connection each, is the machine's doing.
    await until(
      async () => {
        const many = await Promise.all(Array.from({ length: 20 }, (_, n) => modern.callTool('s_echo', { n })));
        expect(many.map(({ error }) => error)).toEqual(many.map(() => undefined));
        return front.handshakes().resumed > alone.resumed;
      },
      { because: 'a new connection takes up a session' },
    );
  });

  test.each([
    ['nobody vouches for', 'localhost', undefined],
    ['is another server\u2019s', 'elsewhere.example', 'elsewhere.example'],
  ])('a certificate that %s: no call goes there, and the reason is said', async (_name, certificate, trusted) => {
    await using front = await terminate(certificate);
    await using hub = await hubOf(front.url, trusted);
    await using client = await connectModern(hub.url);
    await until(async () => (await client.callTool('s_echo', {})).error?.message?.includes('TLS failed') === true, {
      because: 'a call says why it cannot be made',
      timeoutMs: 20_000,
      everyMs: 200,
    });
    expect(front.heard()).toBe(0);
  });
});

import { connect } from 'node:net';

import { describe, expect, test } from 'vitest';

import { FakeHub, limitedConfig } from '../fake-hub.ts';
import { acceptOf, isJsonType } from './accept.ts';
import { HostGuard } from './host-guard.ts';
import { jsonHeaders, modern, startRig } from './test-http.ts';

const securitySet = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

describe('HS-07 headers', () => {
  test('the same set on every kind of answer, and nothing that names the software', async () => {
    await using rig = await startRig();
    const session = await rig.session();
    const answers = [
      await rig.send(modern('server/discover')),
      await rig.send({ headers: jsonHeaders, body: '{' }),
      await rig.send({ method: 'PUT' }),
      await rig.send({ method: 'OPTIONS' }),
      await rig.send({ method: 'DELETE', headers: { 'mcp-session-id': session } }),
      await rig.send({ method: 'GET', path: '/' }),
      await rig.send({ method: 'GET', path: '/nothing' }),
      await rig.send({ method: 'GET', path: '/', headers: { host: 'evil.example' } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 405, 204, 204, 200, 404, 403]);
    for (const { headers } of answers) {
      expect(headers).toMatchObject(securitySet);
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('server');
    }
    const raw = await rig.raw('NONSENSE\r\n\r\n');
    expect(raw).toMatch(/^HTTP\/1\.1 400 /);
    for (const [name, value] of Object.entries(securitySet))
      expect(raw.toLowerCase()).toContain(`${name}: ${value.toLowerCase()}`);
  });

  test('a route of the composer that fails is 500 without details', async () => {
    await using rig = await startRig(new FakeHub(), {
      extraRoutes: (app) => {
        app.get('/boom', () => {
          throw new Error('secret detail');
        });
        app.get('/', () => 'own landing page');
      },
    });
    const answer = await rig.send({ method: 'GET', path: '/boom' });
    expect([answer.status, answer.json]).toEqual([500, { error: 'internal error' }]);
    expect((await rig.send({ method: 'GET', path: '/' })).text).toBe('own landing page');
    const elsewhere = { path: '/elsewhere', headers: jsonHeaders };
    expect((await rig.send({ ...elsewhere, body: '{' })).status).toBe(400);
    expect((await rig.send({ ...elsewhere, body: '{}' })).status).toBe(404);
  });
});

describe('HS-07 Host and Origin', () => {
  const guard = (
    host = '127.0.0.1',
    allowedHosts: string[] = [],
    allowedOrigins: string[] = [],
    port = 7575,
  ): HostGuard => {
    const made = new HostGuard({ host, allowedHosts, allowedOrigins });
    made.listeningOn(port);
    return made;
  };

  test.each([
    ['127.0.0.1:7575', true],
    ['localhost:7575', true],
    ['LOCALHOST:7575', true],
    ['[::1]:7575', true],
    ['localhost', false],
    ['localhost:7576', false],
    ['localhost.:7575', false],
    ['127.0.0.1.nip.io:7575', false],
    ['evil.example:7575', false],
    ['localhost:7575@evil.example', false],
    ['192.168.1.5:7575', false],
    ['', false],
    [undefined, false],
  ])('rebinding: Host %s on loopback -> %s', (host, allowed) => {
    expect(guard().allowsHost(host)).toBe(allowed);
  });

  test('bound to all interfaces: IP literals too, names never', () => {
    const open = guard('0.0.0.0');
    expect(['192.168.1.5:7575', '[fe80::1]:7575', 'localhost:7575'].map((host) => open.allowsHost(host))).toEqual([
      true,
      true,
      true,
    ]);
    expect(
      ['192.168.1.5:80', 'evil.example:7575', '1.2.3.4.evil.example:7575'].map((host) => open.allowsHost(host)),
    ).toEqual([false, false, false]);
    expect(guard('::', [], [], 80).allowsHost('[2001:db8::1]')).toBe(true);
  });

  test('what the operator names, with or without a port; an address of its own', () => {
    const named = guard('::1', ['desk.example', 'other.example:99']);
    expect(named.allowsHost('desk.example')).toBe(true);
    expect(named.allowsHost('Desk.Example:8443')).toBe(true);
    expect(named.allowsHost('desk.example:x')).toBe(false);
    expect(named.allowsHost('other.example:99')).toBe(true);
    expect(named.allowsHost('other.example')).toBe(false);
    expect(guard('10.0.0.7').allowsHost('10.0.0.7:7575')).toBe(true);
    expect(guard('127.0.0.1', [], [], 80).allowsHost('localhost')).toBe(true);
    expect(guard('127.0.0.1', [], [], 80).allowsOrigin('http://localhost')).toBe(true);
  });

  test('names that stand for several: only well-formed ones match, and a name is not below itself', () => {
    const below = guard('0.0.0.0', ['*.Example.com']);
    const asked = [
      'desk.example.com',
      'A.b.example.com:443',
      'example.com',
      'evilexample.com',
      '.example.com',
      'x@y.example.com',
    ];
    expect(asked.map((host) => below.allowsHost(host))).toEqual([true, true, false, false, false, false]);
    const every = guard('0.0.0.0', ['*']);
    const odd = ['anything.example', 'anything.example:8443', 'a b', 'x:y', 'a@b.example', ''];
    expect(odd.map((host) => every.allowsHost(host))).toEqual([true, true, false, false, false, false]);
    every.allow([]);
    expect(every.allowsHost('anything.example')).toBe(false);
  });

  test.each([
    ['http://127.0.0.1:7575', true],
    ['http://localhost:7575', true],
    ['http://localhost:3000', false],
    ['https://localhost:7575', false],
    ['http://evil.example', false],
    ['null', false],
    ['https://inspector.example', true],
  ])('Origin %s -> %s', (origin, allowed) => {
    expect(guard('127.0.0.1', [], ['https://Inspector.example']).allowsOrigin(origin)).toBe(allowed);
  });

  test('checklist 15: a foreign Host or Origin is 403 before any work', async () => {
    await using rig = await startRig();
    const sent = modern('tools/call', { name: 'a' });
    for (const extra of [{ host: 'evil.example' }, { origin: 'http://evil.example' }, { origin: 'null' }]) {
      const answer = await rig.send({ ...sent, headers: { ...sent.headers, ...extra } });
      expect(answer.status).toBe(403);
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    }
    expect(rig.hub.calls).toEqual([]);
    expect(rig.edge.counted.get('refusedRequests QM_BAD_ORIGIN')).toBe(2);
  });

  test('CORS: an allowed origin gets its answers and its preflight, nobody else', async () => {
    await using rig = await startRig(new FakeHub(), { allowedOrigins: ['https://app.example'] });
    const origin = { origin: 'https://app.example' };
    const sent = modern('server/discover');
    const answer = await rig.send({ ...sent, headers: { ...sent.headers, ...origin } });
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': 'https://app.example', vary: 'Origin' });
    const asks = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type, mcp-method',
    };
    const preflight = await rig.send({ method: 'OPTIONS', headers: { ...origin, ...asks } });
    expect(preflight.headers).toMatchObject({
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers': 'content-type, mcp-method',
      'access-control-max-age': '600',
    });
    const odd = { ...asks, 'access-control-request-headers': 'a;b' };
    expect(
      (await rig.send({ method: 'OPTIONS', headers: { ...origin, ...odd } })).headers['access-control-allow-headers'],
    ).toMatch('Mcp-Session-Id');
    expect((await rig.send({ method: 'OPTIONS', headers: asks })).headers).not.toHaveProperty(
      'access-control-allow-methods',
    );
    expect((await rig.send({ method: 'OPTIONS', headers: { origin: 'https://other.example', ...asks } })).status).toBe(
      403,
    );
  });
});

describe('the head of a POST', () => {
  const post = (headers: Record<string, string>, body: unknown = '{}') => ({
    headers: { ...jsonHeaders, ...headers },
    body,
  });

  test.each<[string, Record<string, string>, number]>([
    ['no JSON', { 'content-type': 'text/plain' }, 415],
    ['JSON of another charset', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['compressed', { 'content-encoding': 'gzip' }, 415],
    ['nothing acceptable', { accept: 'text/html' }, 406],
    ['everything refused', { accept: '*/*;q=0' }, 406],
  ])('checklist 15: %s', async (_name, headers, status) => {
    await using rig = await startRig();
    expect((await rig.send(post(headers))).status).toBe(status);
  });

  test('media types', () => {
    expect(['application/json', 'Application/JSON; Charset="UTF-8"', 'application/json;x=1'].map(isJsonType)).toEqual([
      true,
      true,
      true,
    ]);
    expect([undefined, 'application/jsonx', 'application/json-seq', 'text/json'].map(isJsonType)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(acceptOf('application/json;q=0.5 , text/event-stream')).toEqual({ json: true, events: true });
    expect(acceptOf('application/*')).toEqual({ json: true, events: false });
    expect(acceptOf('text/*, application/json;q=0.0')).toEqual({ json: false, events: true });
    expect(acceptOf(undefined)).toEqual({ json: true, events: true });
  });

  test('limits.payload: the limit passes, one byte more is 413, by length and by counting', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({ payloadBytes: 1000 })));
    const sent = modern('tools/call', { name: 'a', pad: '' });
    const padded = (bytes: number): string => {
      const bare = JSON.stringify(sent.body);
      return bare.replace('"pad":""', `"pad":"${'x'.repeat(bytes - bare.length)}"`);
    };
    expect((await rig.send({ ...sent, body: padded(1000) })).status).toBe(200);
    const refused = await rig.send({ ...sent, body: padded(1001) });
    expect([refused.status, refused.json.error.data.code]).toEqual([413, 'QM_BODY_TOO_LARGE']);
    const chunked = `POST /mcp HTTP/1.1\r\nHost: localhost:${rig.listener.port}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const piece = `1f4\r\n${'x'.repeat(500)}\r\n`;
    const last = `0\r\n\r\nGET / HTTP/1.1\r\nHost: localhost:${rig.listener.port}\r\nConnection: close\r\n\r\n`;
    expect(await rig.raw(chunked + piece.repeat(3) + last)).toMatch(/^HTTP\/1\.1 413 [^]*HTTP\/1\.1 200 /);
    expect(rig.edge.counted.get('limitRejections payloadBytes')).toBe(2);
  });

  test('a client in the middle of a body that is refused hears why, up to a bound', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({ payloadBytes: 1000 })));
    const post = async (type: string, bytes: number): Promise<number | string> => {
      const headers = { 'content-type': type, accept: 'application/json' };
      const body = new Uint8Array(bytes);
      const url = `http://127.0.0.1:${rig.listener.port}/mcp`;
      return fetch(url, { method: 'POST', headers, body }).then(
        async (answer) => (await answer.text(), answer.status),
        () => 'reset',
      );
    };
    for (let n = 0; n < 8; n++) expect(await post('application/json', 6_000_000)).toBe(413);
    expect(await post('text/plain', 6_000_000)).toBe(415);
  });

  test('a body without end is cut off, whatever was answered', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({ payloadBytes: 1000 })));
    const socket = connect(rig.listener.port, '127.0.0.1');
    const gone = new Promise<void>((resolve) => {
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
    socket.resume();
    socket.write(
      `POST /mcp HTTP/1.1\r\nHost: localhost:${rig.listener.port}\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n`,
    );
    const piece = Buffer.alloc(1024 * 1024);
    let sent = 0;
    const more = (): void => {
      while (!socket.destroyed && sent < 200) {
        sent++;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('drain', more);
    more();
    await gone;
    expect(sent).toBeGreaterThan(30);
    expect(sent).toBeLessThan(100);
  });

  test('limits of headers and URL', async () => {
    await using rig = await startRig();
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`x-${n}`, 'y']));
    expect((await rig.send({ method: 'GET', headers: many })).status).toBe(431);
    expect((await rig.send({ method: 'GET', path: `/mcp?${'x'.repeat(8200)}` })).status).toBe(414);
    const overflow = `GET /mcp HTTP/1.1\r\nHost: localhost:${rig.listener.port}\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`;
    expect(await rig.raw(overflow)).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('the body of a POST', () => {
  test.each<[string, string | Buffer, number, number]>([
    ['empty', '', 400, -32700],
    ['not JSON', '{', 400, -32700],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, -32700],
    ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 400, -32700],
    ['not a message', '{"jsonrpc":"2.0"}', 400, -32600],
    ['params not an object', '{"jsonrpc":"2.0","id":1,"method":"m","params":[]}', 400, -32602],
    [
      'too deep',
      `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${'['.repeat(20)}${']'.repeat(20)}}}`,
      400,
      -32600,
    ],
    ['too many values', `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":[${'1,'.repeat(600)}1]}}`, 400, -32600],
    ['a key twice', '{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"a","name":"b"}}', 400, -32600],
  ])('EF-21 %s', async (_name, body, status, code) => {
    await using rig = await startRig();
    const answer = await rig.send({ headers: jsonHeaders, body });
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
    expect(rig.hub.calls).toEqual([]);
  });

  test('many chunks make one message', async () => {
    await using rig = await startRig();
    const { body } = modern('server/discover');
    const text = JSON.stringify(body);
    const chunks = Array.from(text, (char) => `1\r\n${char}\r\n`).join('');
    const head =
      `POST /mcp HTTP/1.1\r\nHost: localhost:${rig.listener.port}\r\nContent-Type: application/json\r\nConnection: close\r\n` +
      'MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await rig.raw(`${head}${chunks}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('smuggling', () => {
  const post = (port: number, extra: string): string =>
    `POST /mcp HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/json\r\n${extra}`;

  test.each<[string, (port: number) => string]>([
    [
      'length and chunked together',
      (port) => post(port, 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ],
    ['two lengths', (port) => post(port, 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}')],
    ['folded header', (port) => post(port, 'X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}')],
    ['bare LF in the head', (port) => `POST /mcp HTTP/1.1\nHost: localhost:${port}\nContent-Length: 0\n\n`],
    ['no Host', () => 'GET /mcp HTTP/1.1\r\n\r\n'],
    ['space before the colon', (port) => post(port, 'Content-Length : 2\r\n\r\n{}')],
  ])('%s never reaches a hub', async (_name, bytes) => {
    await using rig = await startRig();
    expect(await rig.raw(bytes(rig.listener.port))).toMatch(/^HTTP\/1\.1 (400|403|415) /);
    expect(rig.hub.calls).toEqual([]);
  });

  test('two Host headers are refused, whichever is the good one', async () => {
    await using rig = await startRig();
    const body = JSON.stringify(modern('server/discover').body);
    const bytes = (...hosts: string[]): string =>
      `POST /mcp HTTP/1.1\r\n${hosts.map((host) => `Host: ${host}\r\n`).join('')}Content-Type: application/json\r\nConnection: close\r\n` +
      `MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const good = `localhost:${rig.listener.port}`;
    expect(await rig.raw(bytes(good))).toMatch(/^HTTP\/1\.1 200 /);
    for (const hosts of [
      [good, 'evil.example'],
      ['evil.example', good],
      [good, good],
    ])
      expect(await rig.raw(bytes(...hosts))).toMatch(/^HTTP\/1\.1 (400|403) /);
  });

  test('an absolute URL in the request line leads to no hub', async () => {
    await using rig = await startRig();
    const bytes = `POST http://evil.example/mcp HTTP/1.1\r\nHost: localhost:${rig.listener.port}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
    expect(await rig.raw(bytes)).toMatch(/^HTTP\/1\.1 40[04] /);
  });
});

/** HT-5.12: limits of a manifest at work in `qm up`, each at its bound and one past it, and what each refusal costs. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectLegacy, connectModern, fairMs, startHttpServer, stdioCommand, until } from '../kit/index.ts';
import type { RunningServer } from '../kit/index.ts';
import { type HubInView, startHubInView } from './support/inside-hub.ts';
import { mcpHub, mcpServer, qm, startHub } from './support/running-hub.ts';

const run = promisify(execFile);

let server: RunningServer;
let view: HubInView;
let hub: HubInView['hub'];
let inside: HubInView['inside'];
beforeAll(async () => {
  const tools = [{ name: 'echo' }, { name: 'huge', does: { bytes: 200_000 } }];
  server = await startHttpServer({ tools });
  view = await startHubInView([
    mcpHub({
      limits: { headers: 20, connections: 12, arguments: '1Ki' },
      timeouts: { headers: '500ms', body: '1s' },
    }),
    mcpServer('p', { source: { command: stdioCommand({ tools }) }, limits: { response: '64Ki' } }),
    mcpServer('s', { source: { remote: { url: server.url } }, limits: { response: '64Ki' } }),
  ]);
  ({ hub, inside } = view);
});
afterAll(async () => {
  await view?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** What comes back for these bytes, until the connection ends. */
async function raw(text: string): Promise<{ answer: string; ms: number }> {
  const { port } = new URL(hub.url);
  const socket = connectTcp(Number(port), '127.0.0.1');
  const began = performance.now();
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  return { answer, ms: performance.now() - began };
}

const head = (more: readonly string[]): string =>
  ['POST /mcp HTTP/1.1', `Host: ${new URL(hub.url).host}`, 'Content-Type: application/json', ...more].join('\r\n');

test('a request whose headers do not come is refused after `timeouts.headers`', async () => {
  const { answer, ms } = await raw(head([]));
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(ms).toBeGreaterThan(400);
  expect(ms).toBeLessThan(fairMs(8_000));
});

test('a connection on which nothing is asked is closed without a word: an answer would be taken for that of the next request', async () => {
  const { answer, ms } = await raw('');
  expect(answer).toBe('');
  expect(ms).toBeGreaterThan(400);
});

test('a request whose body does not come is refused after `timeouts.body`', async () => {
  const { answer, ms } = await raw(`${head(['Content-Length: 1000'])}\r\n\r\n{`);
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(ms).toBeGreaterThan(900);
  expect(ms).toBeLessThan(fairMs(8_000));
});

test('`limits.headers`: at the bound it is served, past it 431', async () => {
  // Three stand in every request of this test.
  const close = 'Connection: close';
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const length = `Content-Length: ${body.length}`;
  const some = (count: number): string[] => Array.from({ length: count }, (_, n) => `X-${n}: 1`);
  const at = await raw(`${head([close, length, ...some(16)])}\r\n\r\n${body}`);
  expect(at.answer).toMatch(/^HTTP\/1\.1 400 [^]*QM_SESSION_REQUIRED/);
  const past = await raw(`${head([close, length, ...some(17)])}\r\n\r\n${body}`);
  expect(past.answer).toMatch(/^HTTP\/1\.1 431 [^]*over 20 headers/);
});

test('`limits.arguments`: at the bound the tool is called, past it the call is refused and never sent', async () => {
  for (const connect of [connectModern, connectLegacy]) {
    await using client = await connect(hub.url);
    const text = 'x'.repeat(1_024 - '{"text":""}'.length);
    expect((await client.callTool('s_echo', { text })).result).toBeDefined();
    const before = server.recorder.of('tools/call').length;
    const { error } = await client.callTool('s_echo', { text: `${text}x` });
    expect(error).toMatchObject({ code: -32602, data: { code: 'QM_ARGUMENTS_TOO_LARGE', retryable: false } });
    expect(server.recorder.of('tools/call').length).toBe(before);
  }
  expect(await inside.metric('quaymaster_limit_rejections_total{limit="argumentBytes"}')).toBe(2);
});

test('`limits.response` of a server: what is larger is refused, and said', async () => {
  await using client = await connectModern(hub.url);
  for (const name of ['s_huge', 'p_huge']) {
    const { error } = await client.callTool(name, {});
    expect(error).toMatchObject({ data: { code: 'QM_UPSTREAM_PROTOCOL' } });
    expect(error?.message).toMatch(/(?:larger|more) than 65536 bytes/);
  }
});

test('`limits.connections`: those past the bound are closed at once, the others live', async () => {
  const { port } = new URL(hub.url);
  const open: Socket[] = [];
  const closed = new Set<Socket>();
  try {
    for (let n = 0; n < 20; n++) {
      const socket = connectTcp(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      socket.on('close', () => closed.add(socket));
      open.push(socket);
      await once(socket, 'connect');
    }
    await until(() => closed.size >= 8, { because: 'eight of twenty were closed' });
    expect(closed.size).toBeLessThanOrEqual(9);
  } finally {
    for (const socket of open) socket.destroy();
  }
  // And room is there again.
  await until(
    async () => {
      await using client = await connectModern(hub.url);
      return (await client.callTool('s_echo', { a: 1 })).result !== undefined;
    },
    { because: 'a client comes in again' },
  );
});

test('HT-5.12 a stdio server that uses more memory than it may is ended, started anew, and its log says why', async () => {
  const grows =
    'let kept = []; process.stdin.on("data", (d) => { for (const line of String(d).split("\\n").filter(Boolean)) { const m = JSON.parse(line); ' +
    'const say = (result) => console.log(JSON.stringify({ jsonrpc: "2.0", id: m.id, result })); ' +
    'if (m.method === "initialize") say({ protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "g", version: "1" } }); ' +
    'else if (m.method === "tools/list") say({ tools: [{ name: "grow", inputSchema: { type: "object" } }] }); ' +
    'else if (m.method === "tools/call") { say({ content: [] }); kept.push(Buffer.alloc(400 * 1048576, 1)); } ' +
    'else if (m.id !== undefined) say({}); } });';
  await using own = await startHub([
    mcpHub(),
    mcpServer('g', {
      source: { command: { command: process.execPath, args: ['-e', grows] } },
      protocol: 'legacy',
      limits: { memory: '256Mi', openFiles: 64 },
    }),
  ]);
  await using client = await connectModern(own.url);
  expect((await client.callTool('g_grow', {})).result).toBeDefined();
  const said = async (): Promise<boolean> => {
    const { command, args } = qm('logs', 'g', '--state-dir', `${own.folder}/state`);
    return (await run(command, args)).stdout.includes('over spec.limits.memory (256 MiB)');
  };
  await until(said, { because: 'its log says why it was ended', timeoutMs: 30_000, everyMs: 500 });
  await until(async () => (await client.callTool('g_grow', {})).result !== undefined, {
    because: 'it works again',
    timeoutMs: 20_000,
    everyMs: 200,
  });
});

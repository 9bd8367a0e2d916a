/** Real children: one small program that plays the servers seen in the field. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { ServerConfig } from '@quaymaster/crds';

import { silentLogger, systemClock } from '../../base/index.ts';
import { ChildRegistry } from '../../bridge/index.ts';
import type { ConnectRequest } from '../conversation.ts';
import { createStdioConnector, type StdioConnectorDeps } from './stdio-connector.ts';
import { testCall } from './test-calls.ts';

let children: ChildRegistry;

beforeEach(() => {
  children = new ChildRegistry();
});

afterEach(() => children.close(0));

/** `play` is JavaScript that sees each message as `m` and answers with `say(object)`. */
const server = (play: string, before = '') => `${before}
  const say = (m) => process.stdout.write(JSON.stringify({jsonrpc: '2.0', ...m}) + '\\n');
  require('readline').createInterface({input: process.stdin}).on('line', (line) => {
    const m = JSON.parse(line); const {id, method, params} = m; ${play} })`;
const initialize = `if (method === 'initialize') return say({id, result: {protocolVersion: '2025-06-18', capabilities: {}, serverInfo: {}}});`;
const noDiscover = `if (method === 'server/discover') return say({id, error: {code: -32601, message: 'no'}});`;
const echo = `if (method === 'tools/call') return say({id, result: {args: params.arguments}});`;

function connect(
  program: string,
  more: Partial<StdioConnectorDeps> & { startMs?: number; protocol?: ServerConfig['protocol'] } = {},
  request: Partial<ConnectRequest> = {},
  signal = new AbortController().signal,
) {
  const { startMs = 10_000, protocol = 'auto', ...deps } = more;
  const config = {
    instances: { mode: 'shared', max: 4 },
    key: 'default/x',
    prefix: 'x',
    protocol,
    timeouts: { startMs, connectMs: 1, callMs: 8_000, callMaxMs: 9_000 },
  } as ServerConfig;
  const target = { kind: 'stdio', command: process.execPath, args: ['-e', program], env: {}, cwd: undefined } as const;
  const hubInfo = { name: 'quaymaster', version: '0' };
  const connector = createStdioConnector(() => config, {
    clock: systemClock,
    log: silentLogger,
    target,
    children,
    hubInfo,
    graceMs: 200,
    ...deps,
  });
  return connector.connect({ purpose: 'primary', caller: undefined, verdict: undefined, ...request }, signal);
}

test('HT-0.11 a server that prints banners still works', async () => {
  const program = server(
    `console.log('got ' + method); ${noDiscover} ${initialize} ${echo}`,
    `console.log('Server v1 listening'); process.stdout.write('ready> ');`,
  );
  const conversation = await connect(program);
  expect(conversation).toMatchObject({ era: 'legacy', revision: '2025-06-18' });
  expect(await conversation.send(testCall({ params: { name: 'a', arguments: { b: 1 } } }))).toMatchObject({
    kind: 'result',
  });
  await conversation.close('done');
  expect(children.size).toBe(0);
});

test('a server that dies on server/discover is started once more, silently (rmcp)', async () => {
  const conversation = await connect(server(`if (method === 'server/discover') process.exit(1); ${initialize}`));
  expect(conversation.era).toBe('legacy');
  expect(children.size).toBe(1);
});

test('an earlier verdict saves that detour', async () => {
  const conversation = await connect(
    server(`if (method === 'server/discover') process.exit(1); ${initialize}`),
    {},
    { verdict: 'legacy' },
  );
  expect(conversation.era).toBe('legacy');
});

test('a declared protocol is not probed', async () => {
  const conversation = await connect(server(`if (method === 'server/discover') process.exit(1); ${initialize}`), {
    protocol: 'legacy',
  });
  expect(conversation.era).toBe('legacy');
  await expect(connect(server(`${noDiscover} ${initialize}`), { protocol: 'modern' })).rejects.toMatchObject({
    reason: 'UnsupportedProtocolVersion',
  });
});

test('a server that never answers server/discover is greeted after the probe time', async () => {
  const conversation = await connect(server(initialize), { probeMs: 50 });
  expect(conversation.era).toBe('legacy');
});

describe('what does not become a conversation leaves no child', () => {
  afterEach(() => expect(children.size).toBe(0));

  test('exits at once: code and last words', async () => {
    await expect(connect(`console.error('Error: API key missing'); process.exit(3)`)).rejects.toMatchObject({
      reason: 'Exited',
      retryable: true,
      message: 'the server exited with code 3: Error: API key missing',
    });
  });

  test('prints only rubbish and exits', async () => {
    await expect(connect(`console.log('usage: x'); console.log('-h help')`)).rejects.toMatchObject({
      message:
        'the server exited with code 0. It wrote 2 lines to stdout that are no MCP messages, the first: usage: x',
    });
  });

  test('dies after it had answered: not started twice', async () => {
    await expect(connect(server(`${noDiscover} process.exit(4)`))).rejects.toMatchObject({
      reason: 'Exited',
      message: expect.stringContaining('code 4'),
    });
  });

  test('never answers', async () => {
    const program = `console.error('connecting to database'); console.log('hello'); process.stdin.resume()`;
    await expect(connect(program, { startMs: 2_000, probeMs: 20 })).rejects.toMatchObject({
      reason: 'StartTimeout',
      retryable: true,
      message:
        'the server did not complete the handshake within 2000 ms. Its last words: connecting to database. It wrote 1 line to stdout that are no MCP messages, the first: hello',
    });
  });

  test('wrong protocol version', async () => {
    const program = server(`${noDiscover} say({id, result: {protocolVersion: '1999-01-01', capabilities: {}}})`);
    await expect(connect(program)).rejects.toMatchObject({ reason: 'UnsupportedProtocolVersion', retryable: false });
  });

  test('command not found', async () => {
    const target = { kind: 'stdio', command: 'qm-no-such-command', args: [], env: {}, cwd: undefined } as const;
    await expect(connect('', { target })).rejects.toMatchObject({ reason: 'CommandNotFound', name: 'ConnectError' });
  });

  test('called off, before and during', async () => {
    const program = 'process.stdin.resume()';
    await expect(connect(program, {}, {}, AbortSignal.abort())).rejects.toMatchObject({ reason: 'Stopped' });
    await expect(connect(program, {}, {}, AbortSignal.timeout(60))).rejects.toMatchObject({ reason: 'Stopped' });
  });

  test('called off, it still tells what the server wrote instead', async () => {
    const program = `process.stdin.resume(); console.log('<html>'); console.error('no database')`;
    const off = new AbortController();
    // The line on stdout was written before.
    const stderr = (): void => void setTimeout(() => off.abort(), 100);
    const failed = connect(program, { stderr }, {}, off.signal);
    await expect(failed).rejects.toThrow(/called off\. Its last words: no database\. It wrote 1 line .*<html>/);
  });
});

test('EF-29 10,000 calls in flight at once, answered in another order, none swapped or lost', async () => {
  const program = server(
    `${noDiscover} ${initialize} if (method !== 'tools/call') return;
     held.push({id, result: {n: params.arguments.n}}); if (held.length === 10000) held.reverse().forEach(say);`,
    'const held = [];',
  );
  const conversation = await connect(program);
  const calls = Array.from({ length: 10_000 }, (_, n) =>
    conversation.send(testCall({ params: { name: 'a', arguments: { n } } })),
  );
  expect(conversation.inFlight).toBe(10_000);
  const outcomes = await Promise.all(calls);
  outcomes.forEach((outcome, n) => {
    expect(outcome.kind === 'result' && outcome.result.raw.includes(`"n":${n}}`)).toBe(true);
  });
});

test('EF-31 kill -9 mid-call: calls fail within milliseconds, the end is told', async () => {
  const conversation = await connect(server(`${noDiscover} ${initialize}`));
  const ended = new Promise((resolve) => conversation.onClosed(resolve));
  const calls = [1, 2, 3].map(() => conversation.send(testCall()));
  const begun = performance.now();
  process.kill(conversation.pid!, 'SIGKILL');
  for (const outcome of await Promise.all(calls))
    expect(outcome).toMatchObject({ kind: 'error', data: expect.stringContaining('QM_SERVER_GONE') });
  expect(performance.now() - begun).toBeLessThan(1_000);
  expect(await ended).toEqual({ reason: 'Exited', message: 'was ended by SIGKILL' });
});

test('stderr is handed on line by line', async () => {
  const lines: string[] = [];
  await connect(server(`console.error('log ' + method); ${noDiscover} ${initialize}`), {
    stderr: (line) => lines.push(line),
  });
  // Another pipe than that of the answers: it may be read a moment later.
  await expect.poll(() => lines.slice(0, 2)).toEqual(['log server/discover', 'log initialize']);
});

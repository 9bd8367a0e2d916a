import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connectStdio } from '../client/index.ts';
import type { StdioLink } from '../client/index.ts';
import { kitMatchers, until } from '../matchers/index.ts';
import { descendants, isAlive, spawnProgram } from '../process/index.ts';
import { httpCommand, readRecord, stdioCommand } from './index.ts';
import type { Behaviour, ServerScript } from './index.ts';

expect.extend(kitMatchers);

const start = (script: ServerScript, era: 'modern' | 'legacy' = 'legacy', record?: string) => {
  const { command, args } = stdioCommand(
    script,
    record === undefined ? {} : { record, scriptFile: `${record}.script` },
  );
  return connectStdio(command, args, { era });
};
const one = (does: Behaviour): ServerScript => ({ tools: [{ name: 't', does }, { name: 'echo' }] });

describe.each(['modern', 'legacy'] as const)('HT-2.17 scripted behaviour over stdio, %s', (era) => {
  test('noise on stdout and floods on stderr surround a good answer', async () => {
    await using client = await start(
      one({ stdout: { before: 'hello\nworld', after: 'bye' }, stderrBytes: 200_000 }),
      era,
    );
    expect(await client.callTool('t', { a: 1 })).toBeToolResult('{"a":1}');
    await until(() => client.transcript.entries.some((entry) => entry.text === 'bye'), {
      because: 'the noise arrived',
    });
    expect(client.transcript.entries.flatMap((entry) => entry.text ?? [])).toEqual(['hello', 'world', 'bye']);
    await until(() => (client.link as StdioLink).stderr.length > 200_000, { because: 'stderr was flooded' });
  });

  test('an answer in two pieces, cut inside a character, is still one answer', async () => {
    await using client = await start(one({ splitMs: 20 }), era);
    expect(await client.callTool('t', { a: 'grün' })).toBeToolResult('{"a":"grün"}');
  });

  test('progress by token, cancellation, an invalid line, a wrong id', async () => {
    await using client = await start(
      {
        tools: [
          { name: 'steps', does: { progress: { count: 2 } } },
          { name: 'hang', does: { hang: true } },
          { name: 'broken', does: { malform: 'invalidJson' } },
          { name: 'control', does: { control: true } },
        ],
      },
      era,
    );
    const answer = await client.callTool('steps', {}, { progressToken: 'p' });
    expect(answer.notifications).toHaveLength(2);
    const abort = new AbortController();
    const hanging = client.callTool('hang', {}, { id: 'h', signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(hanging).rejects.toThrow('enough');
    const calls = await client.callTool('control', { action: 'calls' });
    expect(JSON.stringify(calls.result)).toContain('cancelled\\":[\\"h\\"]');
    await expect(client.callTool('broken', {}, { timeoutMs: 50 })).rejects.toThrow('not answered in time');
  });

  test('crash ends the process in the middle of a call', async () => {
    await using client = await start(one({ crash: { with: 'kill' } }), era);
    await expect(client.callTool('t')).rejects.toThrow('no JSON-RPC answer');
  });

  test('a change is announced', async () => {
    await using client = await start({ tools: [{ name: 'control', does: { control: true } }] }, era);
    using stream = await client.openStream({ toolsListChanged: true });
    await client.callTool('control', { action: 'addTool', tool: { name: 'new' } });
    await until(() => stream.messages.some((note) => note.method === 'notifications/tools/list_changed'), {
      because: 'the tool was added',
    });
    expect(await client.listAll('tools/list')).toHaveLength(2);
  });
});

test('HT-2.17 start-up faults: exit, rubbish, wrong version, silence, death on discover, failing first starts', async () => {
  await expect(start({ startup: { exit: { code: 3, stderr: 'no licence' } } })).rejects.toThrow('no JSON-RPC answer');
  await using rubbish = await start({ startup: { rubbish: 'Welcome!\n{"not":' } });
  expect(rubbish.transcript.entries.flatMap((entry) => entry.text ?? [])).toEqual(['Welcome!', '{"not":']);
  await using wrong = await start({ startup: { wrongVersion: '1999-01-01' } });
  expect(wrong.version).toBe('1999-01-01');
  await expect(start({ startup: { dieOnDiscover: true } }, 'modern')).rejects.toThrow('no JSON-RPC answer');
  await using legacyOnly = await start({ era: 'legacy' });
  expect(await legacyOnly.request('server/discover')).toBeRpcError(-32601);
  await expect(start({ era: 'modern' })).rejects.toThrow('-32022');

  const folder = mkdtempSync(join(tmpdir(), 'kit-'));
  try {
    const script: ServerScript = { startup: { failFirst: { times: 2, counterFile: join(folder, 'starts') } } };
    await expect(start(script)).rejects.toThrow();
    await expect(start(script)).rejects.toThrow();
    const record = join(folder, 'record');
    await using third = await start(script, 'legacy', record);
    await third.callTool('echo', { x: 'y' }, { id: 'recorded' });
    expect(readRecord(record).at(-1)).toMatchObject({
      id: 'recorded',
      raw: expect.stringContaining('"x":"y"') as string,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('HT-2.17 a stubborn server with grandchildren leaves orphans when only it is killed, none when its group is', async () => {
  const { command, args } = stdioCommand({ startup: { stubborn: true, grandchildren: 2 } });
  await using program = spawnProgram(command, args);
  await until(() => descendants(program.pid).length === 2, { because: 'the grandchildren run' });
  const family = descendants(program.pid).map((child) => child.pid);
  program.kill('SIGTERM');
  await program.line(/SIGTERM ignored/);
  expect(program.exit).toBeUndefined();
  program.kill('SIGKILL');
  expect(await program.ended()).toEqual({ code: null, signal: 'SIGKILL' });
  expect(family.every(isAlive)).toBe(true);
  program.killGroup();
  await until(() => !family.some(isAlive), { because: 'the group was killed' });
});

test('HT-2.17 the HTTP server as a program tells its URL and dies like a real one', async () => {
  const { command, args } = httpCommand({ tools: [{ name: 'die', does: { crash: { with: 'exit', code: 7 } } }] });
  await using program = spawnProgram(command, args);
  const { url } = JSON.parse(await program.line(/"url"/)) as { url: string };
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'die' } }),
  });
  expect(answer.status).toBe(400);
  program.kill('SIGTERM');
  expect(await program.ended()).toEqual({ code: 0, signal: null });
});

import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

import pc from 'picocolors';
import { expect, test } from 'vitest';

import type { LocalEvent } from '../../local/run/index.ts';
import { problem } from '../../local/problems/index.ts';
import type { Cli } from '../support/index.ts';
import { createUpView } from './up-view.ts';

function terminal(live: boolean) {
  let screen = '';
  const err: string[] = [];
  const stdout = Object.assign(new PassThrough(), { columns: 60 });
  stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString();
  });
  const cli = {
    stdout,
    live,
    colors: pc.createColors(false),
    out: (line: string) => void stdout.write(`${line}\n`),
    err: (line: string) => void err.push(line),
  } as unknown as Cli;
  return { cli, err, screen: () => screen };
}

const server = (key: string, phase: 'Starting' | 'Ready' | 'Degraded', message = ''): LocalEvent => ({
  kind: 'server',
  key,
  phase,
  reason: phase,
  message,
  tools: phase === 'Ready' ? 3 : undefined,
  pid: 12,
});
const story: LocalEvent[] = [
  { kind: 'listening', url: 'http://h/mcp', health: 'http://h:1' },
  server('default/a', 'Starting', 'installing x 1.2.3'),
  server('default/a', 'Starting', 'installing x 1.2.3'),
  server('default/a', 'Ready'),
  server('team/b', 'Degraded', 'exits \u001b[2Jat once'),
  {
    kind: 'ready',
    url: 'http://h/mcp',
    tools: 3,
    waiting: [{ key: 'team/b', phase: 'Degraded', reason: 'Exited', message: 'exits at once' }],
    partly: [{ key: 'default/desk', reason: 'NameCollision', message: 'both\u001b[2J say x' }],
  },
];

test('without a terminal: one line per change, ready last', async () => {
  const { cli, screen, err } = terminal(false);
  const view = createUpView(cli, 'text');
  for (const event of story) view.event(event);
  view.end();
  await pause(0);
  expect(screen().trimEnd().split('\n')).toEqual([
    'listening on http://h/mcp (health http://h:1)',
    'a: Starting: installing x 1.2.3',
    'a: Ready (3 tools, pid 12)',
    'team/b: Degraded: exits \ufffd[2Jat once',
    'not ready: team/b (Degraded): exits at once',
    'desk: Degraded (NameCollision): both\ufffd[2J say x',
    'ready http://h/mcp',
  ]);
  view.event({ kind: 'config', applied: true, generation: 2, problems: [] });
  view.event({
    kind: 'config',
    applied: false,
    generation: 2,
    problems: [problem('error', 'half-written', '', { file: 'a.yaml' })],
  });
  view.event({ kind: 'stopping', reason: 'SIGINT' });
  expect(err).toEqual([
    'configuration taken over (generation 2)',
    'the files cannot be used as they are; the last good configuration keeps running',
    '  a.yaml: error: half-written',
    'stopping (SIGINT)',
  ]);
});

test('as JSON: one event per line; for a pipe: nothing', async () => {
  const { cli, screen } = terminal(false);
  const [json, none] = [createUpView(cli, 'json'), createUpView(cli, 'none')];
  for (const event of story) {
    json.event(event);
    none.event(event);
  }
  json.end();
  none.end();
  await pause(0);
  expect(
    screen()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(JSON.parse(JSON.stringify(story)));
});

test('on a terminal: one table drawn in place, then the endpoint and what to paste, then plain lines', async () => {
  const { cli, screen } = terminal(true);
  const view = createUpView(cli, 'text');
  for (const event of story.slice(0, 4)) view.event(event);
  await pause(150);
  for (const event of story.slice(4)) view.event(event);
  view.event(server('team/b', 'Degraded', 'exits \u001b[2Jat once'));
  view.event(server('default/a', 'Degraded', 'gone'));
  view.event(server('default/a', 'Degraded', 'gone'));
  view.event({ kind: 'stopping', reason: 'SIGINT' });
  view.end();
  await pause(0);
  const text = screen();
  expect(text).toContain('listening on http://h/mcp');
  expect(text.split('\u001b[2A\r\u001b[0J')).toHaveLength(2);
  expect(text).toMatch(/✓ {2}a +Ready \(3 tools, pid 12\)\n✗ {2}team\/b {2}Degraded: exits \ufffd\[2Jat once\n/);
  expect(text).toContain('desk: Degraded (NameCollision): both\ufffd[2J say x\n');
  expect(text).toContain('claude mcp add --transport http quaymaster http://h/mcp');
  expect(text).toContain(`code --add-mcp '{"name":"quaymaster","type":"http","url":"http://h/mcp"}'`);
  expect(text).toContain('qm connect cursor');
  expect(text).toContain('npx @modelcontextprotocol/inspector --cli http://h/mcp');
  expect(text.trimEnd().split('\n').slice(-2)).toEqual(['a: Degraded: gone', 'stopping (SIGINT)']);
  // Said once, however often a retry ends the same way.
  expect(text.match(/^a: Degraded: gone$/gm)).toHaveLength(1);
  expect(text).not.toMatch(/^team\/b: /m);
});

test('a terminal that is left while servers start shows what was known', async () => {
  const { cli, screen } = terminal(true);
  const view = createUpView(cli, 'text');
  view.event(server('default/a', 'Starting', 'launching'));
  view.end();
  view.end();
  await pause(0);
  expect(screen()).toContain('a       Starting: launching');
});

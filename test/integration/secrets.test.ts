/** EF-72: what a server was given stays between the hub and that server, whatever the server does with it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { connectLegacy, connectModern, stdioCommand } from '../kit/index.ts';
import { mcpHub, mcpServer, qm, startHub } from './support/running-hub.ts';

const run = promisify(execFile);

/** Looks like nothing that masking by shape would know. */
const planted = { secret: 'harbour-4711-crane', flag: 'harbour-4712-crane', literal: 'harbour-4713-crane' };

const blurts =
  'console.log("got", process.env.GIVEN); console.error("error: cannot log in with", process.env.GIVEN); process.exit(3)';

function filesUnder(folder: string): [string, string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => [file, readFileSync(file, 'latin1')]);
}

test('EF-72 a server that prints its secrets shows them in no error, log, status, metric or command', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qm-secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'keys.env'), `GIVEN=${planted.secret}\n`);
  const flags = ['--secret', `keys=${join(folder, 'keys.env')}`, '--log-level', 'debug', '--health-port', '0'];
  await using hub = await startHub(
    [
      mcpHub(),
      mcpServer('blurts', {
        source: { command: { command: process.execPath, args: ['-e', blurts] } },
        env: [{ name: 'GIVEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'GIVEN' } } }],
      }),
      mcpServer('quiet', {
        source: { command: stdioCommand({}) },
        env: [{ name: 'API_TOKEN', value: planted.literal }],
      }),
      mcpServer('gone', { source: { command: { command: '/nowhere/at/all', args: ['--token', planted.flag] } } }),
    ],
    { flags },
  );
  const seen = new Map<string, string>();
  for (const connect of [connectModern, connectLegacy]) {
    await using client = await connect(hub.url);
    for (const tool of ['blurts_x', 'quiet_echo', 'gone_x'])
      seen.set(`${connect.name} ${tool}`, JSON.stringify(await client.callTool(tool, {})));
  }
  const ask = async (...args: string[]): Promise<void> => {
    const { command, args: all } = qm(...args, '--state-dir', join(hub.folder, 'state'));
    const { stdout, stderr } = await run(command, all);
    seen.set(args.join(' '), stdout + stderr);
  };
  await ask('get', 'servers', '-o', 'wide');
  await ask('get', 'servers', '-o', 'yaml');
  for (const name of ['blurts', 'quiet', 'gone']) await ask('describe', 'server', name);
  await ask('logs', 'blurts');
  const { health } = JSON.parse(readFileSync(join(hub.folder, 'state', 'up.json'), 'utf8')) as { health: string };
  for (const path of ['/readyz', '/metrics']) seen.set(path, await (await fetch(new URL(path, health))).text());
  for (const [file, text] of filesUnder(join(hub.folder, 'state'))) seen.set(file, text);
  seen.set('terminal', hub.program.stdout + hub.program.stderr);

  // It was there to be seen: the words around it are.
  for (const place of ['connectLegacy blurts_x', 'logs blurts', 'terminal'])
    expect(seen.get(place)).toContain('cannot log in with [masked]');
  expect(seen.get('get servers -o yaml')).toContain('name: API_TOKEN');
  const leaks = [...seen].flatMap(([place, text]) =>
    Object.values(planted).flatMap((value) => (text.includes(value) ? [`${place}: ${value}`] : [])),
  );
  expect(leaks).toEqual([]);
});

/**
 * From nothing to the first governed call in a cluster, as the README says it: its commands, typed one after the other, each with its time. Then
 * the clients people have, and the examples beside the quickstart.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { fairMs, freePort } from '../kit/index.ts';
import { examples } from './examples.ts';
import { sdkClients } from './sdk-clients.ts';
import { openTerminal, type Ran, type Terminal } from './terminal.ts';

const root = join(import.meta.dirname, '../..');
const name = 'first-call';
const firstCallBarMs = 60_000;
const quickstart = ['everything', 'files', 'memory'];

interface Typed extends Ran {
  readonly command: string;
}

let home: string;
let work: Terminal;
let look: Terminal;
/** As the README has it; others add to it. */
let inspector: string;
const typed: Typed[] = [];

/** What is typed into one terminal and then into another. The cluster's name and the port are all that is of a machine in there. */
function readmeCommands(port: number): readonly (readonly string[])[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const section = /^## On Kubernetes\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
  const here = section.replaceAll(' dev)', ` ${name})`).replaceAll('7575', String(port));
  return [...here.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block.trim().split('\n'));
}

async function type(terminal: Terminal, command: string): Promise<void> {
  const ran = await terminal.run(command, 1_500_000);
  typed.push({ command, ...ran });
  console.log(`${ran.seconds.toFixed(1).padStart(6)} s  ${command}`);
}

const timesOf = (part: string): Typed => {
  const found = typed.find(({ command }) => command.includes(part));
  if (found === undefined) throw new Error(`the README has no command with ${part}`);
  return found;
};

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'qm-first-call-'));
  const port = await freePort();
  const env = {
    CLUSTER: name,
    QM_CLUSTER_OWNER: String(process.pid),
    QM_CLUSTER_WAIT: '900',
    NO_COLOR: '1',
  };
  work = openTerminal(root, env);
  // The Inspector and npm keep files in the home directory of whoever runs this.
  look = openTerminal(root, { ...env, HOME: home, npm_config_cache: join(home, 'npm') });
  const [first = [], second = []] = readmeCommands(port);
  for (const command of first) {
    if (command.startsWith('kubectl port-forward')) await work.leave(command, /^Forwarding from /);
    else await type(work, command);
  }
  for (const command of second) await type(look, command);
  inspector = second.find((command) => command.includes('inspector')) ?? '';
});

afterAll(async () => {
  await look?.[Symbol.asyncDispose]();
  await work?.[Symbol.asyncDispose]();
  const last = openTerminal(root, { CLUSTER: name });
  await last.run('make cluster-down');
  await last[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

test('HT-C1 the README leads from nothing to the tools of the quickstart, with the manifests of `make up`', () => {
  expect(typed.map(({ command }) => command)).toContain('kubectl apply -f examples/quickstart');
  expect(prefixesIn(timesOf('tools/list').output)).toEqual(quickstart);
});

test('EF-44 from a ready cluster with images to the first governed call in under a minute', () => {
  const install = timesOf('cluster-install').output;
  for (const step of ['images', 'load', 'mirror', 'chart']) expect(stepSeconds(install, step)).toBeGreaterThan(0);
  const afterImages = typed.slice(typed.indexOf(timesOf('cluster-install')) + 1);
  const seconds = afterImages.reduce((sum, one) => sum + one.seconds, stepSeconds(install, 'chart'));
  console.log(`${seconds.toFixed(1).padStart(6)} s  from a ready cluster with images to the first answer`);
  expect(seconds * 1_000).toBeLessThan(fairMs(firstCallBarMs));
});

describe.each(['legacy', 'modern'])('EF-22 the Inspector, %s era, through the port-forward', (era) => {
  const inspect = async (words: string): Promise<string> =>
    (await look.run(`${inspector.replace(/ --method.*/, '')} --protocol-era ${era} ${words}`)).output;

  test('lists and calls', async () => {
    expect(prefixesIn(await inspect('--method tools/list'))).toEqual(quickstart);
    const call = '--method tools/call --tool-name everything_echo --tool-arg message=hello';
    expect(await inspect(call)).toContain('Echo: hello');
  });
});

describe.each(Object.entries(sdkClients))('EF-22 HT-0.12 %s through the port-forward', (_name, connect) => {
  test('lists and calls', async () => {
    const client = await connect(/https?:\S+/.exec(inspector)?.[0] ?? '');
    try {
      expect(prefixesOf(await client.tools())).toEqual(quickstart);
      expect(await client.call('everything_echo', { message: 'hello' })).toBe('Echo: hello');
      expect(await client.call('memory_read_graph', {})).toContain('entities');
      const scratch = /\/\S*\/scratch\b/.exec(await client.call('files_list_allowed_directories', {}))?.[0] ?? '';
      await client.call('files_write_file', { path: `${scratch}/note.txt`, content: 'kept for now' });
      expect(await client.call('files_read_text_file', { path: `${scratch}/note.txt` })).toBe('kept for now');
    } finally {
      await client.close();
    }
  });
});

examples(name);

function stepSeconds(output: string, step: string): number {
  return Number(new RegExp(`^${step} +([\\d.]+) s`, 'm').exec(output)?.[1]);
}

function prefixesIn(listing: string): readonly string[] {
  const { tools } = JSON.parse(listing) as { tools: { name: string }[] };
  return prefixesOf(tools.map((tool) => tool.name));
}

function prefixesOf(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((one) => one.split('_')[0] ?? ''))].toSorted();
}

/**
 * The images at work on a real node, in the very Pods that are rendered for them: as nobody, with a read-only root file system, where Pod Security
 * "restricted" is enforced. A hub serves what runners install from a mirror, and what a bridge inside images of others starts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadImages, startCluster, startPackageMirror, type Cluster } from '@quaymaster/cluster';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectLegacy, connectModern, type JsonObject, kitMatchers } from '../kit/index.ts';
import { mcpServer } from '../integration/support/running-hub.ts';
import { deploy, echoImages, namespace } from './cluster-hub.ts';

expect.extend(kitMatchers);

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../hub-runtime/package.json'), 'utf8')) as {
  version: string;
};

/** Programs of others, with nothing of Node in their images. */
const libraries = ['glibc', 'musl', 'static'] as const;
const servers = [
  mcpServer('everything', {
    source: { npm: { package: '@modelcontextprotocol/server-everything', version: '2026.8.31' } },
  }),
  mcpServer('time', { source: { pypi: { package: 'mcp-server-time', version: '2026.10.19' } } }),
  ...libraries.map((name) =>
    mcpServer(name, { source: { image: { image: `quaymaster.local/echo-${name}:1`, command: ['/echo'] } } }),
  ),
];

let cluster: Cluster;
let mirror: Awaited<ReturnType<typeof startPackageMirror>>;

beforeAll(async () => {
  cluster = await startCluster({ level: 'node', name: 'images' });
  mirror = await startPackageMirror({ host: cluster.hostAddress });
  await loadImages(cluster, ['hub', 'runner-npm', 'runner-pypi']);
  const folder = echoImages();
  for (const name of libraries) await cluster.loadImage(join(folder, `${name}.tar`));
  const mirrors = { npm: { url: mirror.npm }, pypi: { url: mirror.pypi } };
  await deploy(cluster, servers, version, { mirrors });
});

afterAll(async () => {
  await mirror?.close();
  await cluster?.[Symbol.asyncDispose]();
});

const kubectl = (...words: readonly string[]): Promise<string> => cluster.kubectl(['-n', namespace, ...words]);
interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly podIP?: string;
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
  };
}
async function podsOf(deployment: string): Promise<readonly Pod[]> {
  const { items } = JSON.parse(await kubectl('get', 'pods', '-o', 'json')) as { items: readonly Pod[] };
  return items.filter(({ metadata }) => metadata.name.startsWith(deployment));
}

/** A Pod that is ready is known to the hub a moment later. */
const eventually = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 300 });

/** Resolves when all its Pods serve; what is started for the third time will not come up. */
async function available(deployment: string, seconds = 90): Promise<void> {
  const said = (): Promise<string> =>
    kubectl('logs', `deployment/${deployment}`, '--all-containers', '--tail=20').catch(String);
  let broken = false;
  await vi.waitFor(
    async () => {
      const pods = await podsOf(deployment);
      const ready = pods.length > 0 && pods.every(({ status }) => status.containerStatuses?.every((one) => one.ready));
      broken = pods.some(({ status }) => status.containerStatuses?.some((one) => one.restartCount > 1));
      if (!ready && !broken) throw new Error(`${deployment} is not ready: ${await said()}`);
    },
    { timeout: seconds * 1_000, interval: 500 },
  );
  if (broken) throw new Error(`${deployment} ends again and again: ${await said()}`);
}

/** JavaScript in a running container, by the image's own Node. */
const inNode = (deployment: string, code: string): Promise<string> =>
  kubectl('exec', `deployment/${deployment}`, '-c', 'hub', '--', '/quaymaster/bin/node', '-p', code);

async function hubUrl(): Promise<string> {
  return `http://${(await podsOf('desk-hub'))[0]?.status.podIP ?? ''}:7575/mcp`;
}

describe('the image of the hub', () => {
  test('EF-53 HS-16 the hub serves in it as nobody, with nothing to write to and half of its memory for V8', async () => {
    await available('desk-hub');
    const facts = JSON.parse(
      await inNode(
        'desk-hub',
        `JSON.stringify({
          uid: process.getuid(), groups: process.getgroups(), node: process.versions.node, command: fs.readFileSync('/proc/1/cmdline', 'utf8').split('\\0').slice(0, -1),
          writable: ['/', '/quaymaster', '/etc', '/tmp'].filter((path) => {
            try { fs.writeFileSync(path + '/probe', ''); return true } catch { return false }
          }),
          shells: ['/bin/sh', '/bin/bash', '/usr/bin/env', '/bin/busybox'].filter((path) => fs.existsSync(path)),
          limit: v8.getHeapStatistics().heap_size_limit / 1048576,
        })`,
      ),
    ) as JsonObject;
    expect(facts).toMatchObject({ uid: 65_532, groups: [65_532], node: '26.10.0', writable: ['/tmp'], shells: [] });
    expect(facts['command']).toEqual([
      '/quaymaster/bin/node',
      '--disable-proto=delete',
      '--max-semi-space-size=16',
      '/quaymaster/qm.js',
      'hub',
    ]);
    expect(facts['limit']).toBeGreaterThan(200);
    expect(facts['limit']).toBeLessThan(400);
  });

  test('EF-53 it says its version, and which Node it is', async () => {
    const said = await inNode(
      'desk-hub',
      `child_process.execFileSync(process.execPath, ['/quaymaster/qm.js', 'version']).toString()`,
    );
    expect(said).toContain(`quaymaster ${version} (node 26.10.0, linux-x64)`);
  });
});

describe('the bridge in images of others', () => {
  test.each(libraries)(
    'EF-53 it starts beside a program with %s as its C library, and leaves that program to itself',
    async (name) => {
      await available(`${name}-server`);
      const client = await connectModern(await hubUrl());
      try {
        await eventually(async () =>
          expect(await client.callTool(`${name}_echo`, { said: name })).toBeToolResult(new RegExp(name)),
        );
        const { raw } = await client.callTool(`${name}_surroundings`, {});
        const text = (JSON.parse(raw) as { result: { content: [{ text: string }] } }).result.content[0].text;
        const found = JSON.parse(text) as { mapped: string[]; uid: number; variables: string[]; libc: boolean };
        expect(found.uid).toBe(65_532);
        expect(found.libc).toBe(name !== 'static');
        // Its own loader and libraries, none of the bridge's.
        expect(found.mapped.filter((file) => file.startsWith('/quaymaster'))).toEqual([]);
        expect(found.mapped.some((file) => file.includes('ld-musl'))).toBe(name === 'musl');
        expect(found.variables.filter((variable) => /^LD_|^QM_|^NODE_/.test(variable))).toEqual([]);
      } finally {
        await client.close();
      }
    },
  );
});

describe('the images of runners', () => {
  test('HT-1.13 runner-npm installs a package from the mirror and runs it, its tools are called by both eras', async () => {
    await available('everything-server', 180);
    for (const connect of [connectLegacy, connectModern]) {
      const client = await connect(await hubUrl());
      try {
        await eventually(async () =>
          expect(await client.callTool('everything_echo', { message: 'over the mirror' })).toBeToolResult(
            /over the mirror/,
          ),
        );
      } finally {
        await client.close();
      }
    }
  });

  test('HT-1.13 runner-pypi installs a package from the mirror and runs it', async () => {
    await available('time-server', 180);
    const client = await connectModern(await hubUrl());
    try {
      const ask = { timezone: 'Europe/Berlin' };
      await eventually(async () =>
        expect(await client.callTool('time_get_current_time', ask)).toBeToolResult(/Berlin/),
      );
    } finally {
      await client.close();
    }
  });

  test('EF-53 nothing restarted, and no Pod was refused by Pod Security', async () => {
    const pods = await podsOf('');
    expect(pods).toHaveLength(servers.length + 1);
    expect(pods.flatMap(({ status }) => status.containerStatuses?.map((one) => one.restartCount))).toEqual(
      pods.map(() => 0),
    );
  });
});

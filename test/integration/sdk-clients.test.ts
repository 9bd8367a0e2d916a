/**
 * The official SDK clients, v1 and v2 in both eras, over HTTP and stdio, against a hub in front of both kinds of servers: what people
 * really connect with. Raw wire rules are the edge's unit tests; here only what the SDKs make of them counts.
 */
import { mkdirSync } from 'node:fs';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHttpServer, stdioCommand, textOfResult, until } from '../kit/index.ts';
import type { RunningServer } from '../kit/index.ts';
import { metric, metricsOf } from './support/faults.ts';
import { mcpHub, mcpServer, qm, startHub, writeManifests } from './support/running-hub.ts';
import type { Manifest, RunningHub } from './support/running-hub.ts';

const tools = [
  { name: 'echo' },
  { name: 'steps', does: { progress: { count: 3, intervalMs: 5 } } },
  { name: 'hang', does: { hang: true } },
];
const expected = ['young_echo', 'young_hang', 'young_steps', 'old_echo', 'old_hang', 'old_steps'].toSorted();

let young: RunningServer;
let hub: RunningHub;
let manifests: Manifest[];

beforeAll(async () => {
  young = await startHttpServer({ era: 'modern', tools });
  const old = stdioCommand({ era: 'legacy', tools });
  manifests = [
    mcpServer('young', { source: { remote: { url: young.url } } }),
    mcpServer('old', { source: { command: { command: old.command, args: old.args } } }),
    mcpHub(),
  ];
  hub = await startHub(manifests, { flags: ['--health-port', '0'] });
});

afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await young[Symbol.asyncDispose]();
});

/** The few things both SDKs can do, under one name. */
interface AnyClient {
  readonly name: string;
  tools(): Promise<string[]>;
  call(tool: string, onprogress?: () => void, signal?: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

const info = { name: 'probe', version: '1' };

async function v1(name: string, transport: HttpV1 | StdioV1): Promise<AnyClient> {
  const client = new ClientV1(info);
  await client.connect(transport as Parameters<ClientV1['connect']>[0]);
  return {
    name,
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (tool, onprogress, signal) =>
      textOfResult(
        await client.callTool({ name: tool, arguments: { é: '日本' } }, undefined, {
          ...(onprogress !== undefined && { onprogress }),
          ...(signal !== undefined && { signal }),
        }),
      ),
    close: async () => client.close(),
  };
}

async function v2(name: string, transport: HttpV2 | StdioV2, mode: 'legacy' | 'auto'): Promise<AnyClient> {
  const client = new ClientV2(info, { versionNegotiation: { mode } });
  await client.connect(transport);
  return {
    name,
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (tool, onprogress, signal) =>
      textOfResult(
        await client.callTool(
          { name: tool, arguments: { é: '日本' } },
          { ...(onprogress !== undefined && { onprogress }), ...(signal !== undefined && { signal }) },
        ),
      ),
    close: async () => client.close(),
  };
}

const clients: Record<string, () => Promise<AnyClient>> = {
  'sdk v1 over HTTP': async () => v1('v1', new HttpV1(new URL(hub.url))),
  'sdk v2, legacy, over HTTP': async () => v2('v2 legacy', new HttpV2(new URL(hub.url)), 'legacy'),
  'sdk v2, modern, over HTTP': async () => v2('v2 modern', new HttpV2(new URL(hub.url)), 'auto'),
};

describe.each(Object.entries(clients))('EF-22 HT-0.12 %s', (_name, connect) => {
  test('lists and calls the tools of servers of both eras', async () => {
    const client = await connect();
    expect((await client.tools()).toSorted()).toEqual(expected);
    for (const tool of ['young_echo', 'old_echo']) expect(await client.call(tool)).toContain('日本');
    await client.close();
  });

  test('gets progress before the answer', async () => {
    const client = await connect();
    for (const tool of ['young_steps', 'old_steps']) {
      let seen = 0;
      await client.call(tool, () => (seen += 1));
      // The last one leaves the server together with the answer, and both SDKs lose it then (typescript-sdk issue 2580).
      expect(seen).toBeGreaterThanOrEqual(2);
    }
    await client.close();
  });

  test('cancels, and goes on', async () => {
    const client = await connect();
    for (const tool of ['young_hang', 'old_hang']) {
      const controller = new AbortController();
      const call = client.call(tool, undefined, controller.signal);
      setTimeout(() => controller.abort(), 50);
      await expect(call).rejects.toThrow();
    }
    expect(await client.call('old_echo')).toContain('日本');
    await client.close();
  });
});

test('HT-0.12 X-02 all of them hear of a changed list, once', async () => {
  const heard: Record<string, number> = { v1: 0, legacy: 0, modern: 0 };
  const onChanged = (name: string) => ({
    listChanged: {
      tools: { autoRefresh: false, debounceMs: 0, onChanged: () => void (heard[name] = (heard[name] ?? 0) + 1) },
    },
  });
  const old = new ClientV1(info, onChanged('v1'));
  await old.connect(new HttpV1(new URL(hub.url)) as Parameters<ClientV1['connect']>[0]);
  const legacy = new ClientV2(info, { versionNegotiation: { mode: 'legacy' }, ...onChanged('legacy') });
  await legacy.connect(new HttpV2(new URL(hub.url)));
  const modern = new ClientV2(info, { versionNegotiation: { mode: 'auto' }, ...onChanged('modern') });
  await modern.connect(new HttpV2(new URL(hub.url)));
  for (const client of [old, legacy, modern]) await client.listTools();
  await until(async () => metric(await metricsOf(hub), 'quaymaster_streams{hub="default/desk"}') === 3, {
    because: 'each of them listens',
  });
  young.setTools([...tools, { name: 'late' }]);
  await expect.poll(() => Object.values(heard)).toEqual([1, 1, 1]);
  for (const client of [old, legacy, modern])
    expect((await client.listTools()).tools.map((tool) => tool.name)).toContain('young_late');
  young.setTools(tools);
  await expect.poll(() => Object.values(heard)).toEqual([2, 2, 2]);
  for (const client of [old, legacy, modern]) await client.close();
});

test.each(['v1', 'legacy', 'auto'] as const)('HT-0.11 EF-22 sdk client (%s) over stdio', async (kind) => {
  const folder = hub.folder;
  const files = `${folder}/stdio-${kind}`;
  mkdirSync(files);
  writeManifests(files, manifests);
  const program = { ...qm('up', '-f', files, '--state-dir', `${files}-state`, '--stdio'), stderr: 'ignore' as const };
  const client = await (kind === 'v1' ? v1(kind, new StdioV1(program)) : v2(kind, new StdioV2(program), kind));
  expect((await client.tools()).toSorted()).toEqual(expected);
  for (const tool of ['young_echo', 'old_echo']) expect(await client.call(tool)).toContain('日本');
  await client.close();
});

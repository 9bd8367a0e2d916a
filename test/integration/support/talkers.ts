/** Clients of all versions and of both official SDKs, as one thing that a test can tell to do what every client can do. */
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';

import { connectLegacy, connectModern, legacyVersions, textOf } from '../../kit/index.ts';
import type { EraName, KitClient } from '../../kit/index.ts';

/** What all of them answer. */
export const elicited = { action: 'accept', content: { name: 'Ann' } } as const;
export const capabilities = { elicitation: { form: {} } };
/** What every client can do, whatever it is made of. */
export interface Talker {
  readonly name: string;
  call(tool: string, args?: Record<string, unknown>): Promise<string>;
  list(): Promise<string[]>;
  progress(tool: string): Promise<number>;
  /** Begins a call that hangs, and gives it up when it has reached its server. */
  giveUp(tool: string, args: Record<string, unknown>, reached: () => Promise<unknown>): Promise<void>;
  /** Announced list changes; undefined where the client cannot hear of any. */
  changes?: () => number;
  close(): Promise<unknown>;
}

export async function kit(url: string, era: EraName, version?: string): Promise<Talker> {
  const connect = era === 'modern' ? connectModern : connectLegacy;
  const client = await connect(url, {
    capabilities,
    onRequest: () => ({ ...elicited }),
    ...(version === undefined ? {} : { version }),
  });
  return {
    name: `${era} ${client.version}`,
    call: async (tool, args = {}) => textOf(await answered(client, tool, args)),
    list: async () => (await client.listAll('tools/list')).map((one) => String(one['name'])),
    async progress(tool) {
      let steps = 0;
      await client.callTool(tool, {}, { onProgress: () => steps++ });
      return steps;
    },
    async giveUp(tool, args, reached) {
      const abort = new AbortController();
      const waiting = client.callTool(tool, args, { signal: abort.signal });
      await reached();
      abort.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow();
    },
    close: () => client.close(),
  };
}

/** A modern client is given its questions as an answer, and comes back. */
async function answered(client: KitClient, name: string, args: Record<string, unknown>) {
  let answer = await client.callTool(name, args);
  for (let round = 0; answer.result?.['resultType'] === 'input_required' && round < 3; round++) {
    const { inputRequests = {}, requestState } = answer.result as { inputRequests?: object; requestState?: string };
    const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, elicited]));
    answer = await client.request('tools/call', { name, arguments: args, inputResponses, requestState });
  }
  return answer;
}

async function sdkV1(url: string): Promise<Talker> {
  const client = new ClientV1({ name: 'v1', version: '1' }, { capabilities });
  let changes = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes++);
  client.setRequestHandler(ElicitRequestSchema, () => ({ ...elicited }));
  await client.connect(new HttpV1(new URL(url)) as Parameters<ClientV1['connect']>[0]);
  return {
    ...sdk('sdk v1', async (name, args, options) => client.callTool({ name, arguments: args }, undefined, options)),
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    changes: () => changes,
    close: () => client.close(),
  };
}

async function sdkV2(url: string, mode: 'legacy' | 'auto'): Promise<Talker> {
  const client = new ClientV2({ name: 'v2', version: '1' }, { capabilities, versionNegotiation: { mode } });
  let changes = 0;
  client.setNotificationHandler('notifications/tools/list_changed', () => void changes++);
  client.setRequestHandler('elicitation/create', () => ({ ...elicited }));
  await client.connect(new HttpV2(new URL(url)));
  return {
    ...sdk(`sdk v2 ${mode}`, async (name, args, options) => client.callTool({ name, arguments: args }, options)),
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    ...(mode === 'legacy' ? { changes: () => changes } : {}),
    close: () => client.close(),
  };
}

type CallTool = (
  name: string,
  args: Record<string, unknown>,
  options: { onprogress?: () => void; signal?: AbortSignal },
) => Promise<unknown>;

function sdk(name: string, call: CallTool): Pick<Talker, 'name' | 'call' | 'progress' | 'giveUp'> {
  return {
    name,
    call: async (tool, args = {}) => textOf({ result: await call(tool, args, {}) }),
    async progress(tool) {
      let steps = 0;
      await call(tool, {}, { onprogress: () => steps++ });
      return steps;
    },
    async giveUp(tool, args, reached) {
      const abort = new AbortController();
      const waiting = call(tool, args, { signal: abort.signal });
      await reached();
      abort.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow();
    },
  };
}

/** One of each kind that there is. */
export async function everybody(url: string): Promise<Talker[]> {
  return Promise.all([
    ...legacyVersions.map((version) => kit(url, 'legacy', version)),
    kit(url, 'modern'),
    sdkV1(url),
    sdkV2(url, 'legacy'),
    sdkV2(url, 'auto'),
  ]);
}

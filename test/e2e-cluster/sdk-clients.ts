/** The official SDK clients, version 1 and both modes of version 2, as far as a first call needs them. */
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

export interface SdkClient {
  tools(): Promise<readonly string[]>;
  /** The text of the answer. */
  call(name: string, values: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

const info = { name: 'first-call', version: '1' };
const names = (listed: { tools: readonly { name: string }[] }): readonly string[] =>
  listed.tools.map(({ name }) => name);
const textOf = (result: unknown): string =>
  (result as { content: readonly { text?: string }[] }).content.map(({ text = '' }) => text).join('\n');

async function v1(url: string): Promise<SdkClient> {
  const client = new ClientV1(info);
  await client.connect(new HttpV1(new URL(url)) as Parameters<ClientV1['connect']>[0]);
  return {
    tools: async () => names(await client.listTools()),
    call: async (name, values) => textOf(await client.callTool({ name, arguments: { ...values } })),
    close: () => client.close(),
  };
}

async function v2(url: string, mode: 'legacy' | 'auto'): Promise<SdkClient> {
  const client = new ClientV2(info, { versionNegotiation: { mode } });
  await client.connect(new HttpV2(new URL(url)));
  return {
    tools: async () => names(await client.listTools()),
    call: async (name, values) => textOf(await client.callTool({ name, arguments: { ...values } })),
    close: () => client.close(),
  };
}

export const sdkClients: Readonly<Record<string, (url: string) => Promise<SdkClient>>> = {
  'SDK v1': v1,
  'SDK v2, legacy era': (url) => v2(url, 'legacy'),
  'SDK v2, modern era': (url) => v2(url, 'auto'),
};

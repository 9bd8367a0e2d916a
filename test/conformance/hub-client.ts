/**
 * What the conformance tool runs as a client: the hub, with the tool's server behind it and a user of the scenario's era in front.
 *
 * `node hub-client.ts <address of a running hub> <its manifest folder> <server URL>`. The hub takes the server in, is used as any
 * client would use it (lists everything, calls, reads, answers what it is asked), and lets go of it again. What the tool judges is what the
 * hub says to its server.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Answer, EraName, JsonObject, KitClient } from '../kit/index.ts';
import { connectHttp, encodeHeaderValue, until } from '../kit/index.ts';

const [base = '', folder = '', server = ''] = process.argv.slice(2);
const era: EraName = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] === '2026-07-28' ? 'modern' : 'legacy';
/** Behind the running hub's own in the alphabet: only the first one is at the address itself. */
const name = `x${process.pid}`;

interface Property {
  readonly type?: string;
  readonly default?: unknown;
  readonly 'x-mcp-header'?: string;
}
interface Tool {
  readonly name: string;
  readonly inputSchema: { readonly properties?: Readonly<Record<string, Property>> };
}
interface ToolCall {
  readonly name: string;
  readonly arguments: JsonObject;
}

const file = join(folder, `${name}.yaml`);
const apiVersion = 'quaymaster.dev/v1alpha1';
const metadata = { name, labels: { scenario: name } };
const manifests = [
  { apiVersion, kind: 'McpServer', metadata, spec: { source: { remote: { url: server } } } },
  {
    apiVersion,
    kind: 'McpHub',
    metadata,
    spec: {
      servers: { selector: { matchLabels: metadata.labels } },
      auth: { mode: 'none' },
      naming: { strategy: 'none' },
    },
  },
];
// JSON is YAML.
writeFileSync(file, manifests.map((one) => JSON.stringify(one)).join('\n---\n'));
try {
  await using client = await connected();
  await use(client);
} finally {
  rmSync(file);
}

async function connected(): Promise<KitClient> {
  let client: KitClient | undefined;
  const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
  const connect = async (): Promise<boolean> => {
    client = await connectHttp(`${base}/hubs/default/${name}/mcp`, era, {
      capabilities,
      onRequest: (_method, params) => answerTo(params),
    }).catch(() => undefined);
    return client !== undefined;
  };
  await until(connect, { because: 'the hub has taken the server in', timeoutMs: 10_000 });
  if (client === undefined) throw new Error('not connected');
  return client;
}

async function use(client: KitClient): Promise<void> {
  const tools = (await client.listAll('tools/list')) as unknown as Tool[];
  const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as { toolCalls?: ToolCall[] };
  const calls = context.toolCalls ?? tools.map((tool) => ({ name: tool.name, arguments: argumentsFor(tool) }));
  for (const one of calls)
    await call(
      client,
      one,
      tools.find((tool) => tool.name === one.name),
    );
  for (const { uri } of await client.listAll('resources/list')) await client.request('resources/read', { uri });
  for (const one of await client.listAll('prompts/list')) await client.request('prompts/get', { name: one['name'] });
}

/** Comes back with answers as often as it is asked. */
async function call(
  client: KitClient,
  { name: called, arguments: args }: ToolCall,
  tool: Tool | undefined,
): Promise<void> {
  const params: JsonObject = { name: called, arguments: args };
  const headers = mirrored(args, tool);
  let answer: Answer = await client.request('tools/call', params, { headers });
  for (let round = 0; round < 5 && answer.result?.['resultType'] === 'input_required'; round++) {
    const { inputRequests = {}, requestState } = answer.result as {
      inputRequests?: Record<string, { params?: JsonObject }>;
      requestState?: string;
    };
    const inputResponses = Object.fromEntries(
      Object.entries(inputRequests).map(([key, asked]) => [key, answerTo(asked.params ?? {})]),
    );
    const state = requestState === undefined ? {} : { requestState };
    answer = await client.request('tools/call', { ...params, inputResponses, ...state }, { headers });
  }
}

/** Toward the hub, which checks them and makes its own for the server. */
function mirrored(args: JsonObject, tool: Tool | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [key, property] of Object.entries(tool?.inputSchema.properties ?? {})) {
    const header = property['x-mcp-header'];
    const value = args[key];
    if (header === undefined || value === undefined || value === null) continue;
    headers[`mcp-param-${header}`] = encodeHeaderValue(String(value));
  }
  return era === 'modern' ? headers : {};
}

/** A user who accepts what is proposed. */
function answerTo(params: JsonObject): JsonObject {
  const schema = params['requestedSchema'] as { properties?: Record<string, Property> } | undefined;
  const content = Object.fromEntries(
    Object.entries(schema?.properties ?? {}).map(([key, property]) => [key, property.default ?? sample(property)]),
  );
  return { action: 'accept', content };
}

function argumentsFor({ inputSchema }: Tool): JsonObject {
  return Object.fromEntries(
    Object.entries(inputSchema.properties ?? {}).map(([key, property]) => [key, sample(property)]),
  );
}

function sample({ type }: Property): unknown {
  switch (type) {
    case 'number':
    case 'integer':
      return 7;
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return 'word';
  }
}

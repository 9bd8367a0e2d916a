/**
 * Questions with the official SDKs at both ends (v1, v2 in both eras), and over replicas behind a balancer that sends every request somewhere else.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Server as OldServer } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ElicitResultSchema,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectLegacy, connectModern, startHttpServer, textOfResult } from '../kit/index.ts';
import type { Answer, EraName, RunningServer, ServerScript } from '../kit/index.ts';
import { type Fleet, startFleet } from './support/replica-fleet.ts';
import { type FourServers, startFourServers } from './support/four-servers.ts';
import { mcpServer } from './support/running-hub.ts';
import { documentOf } from './support/running-replica.ts';

const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } };
const form = { method: 'elicitation/create', params: { mode: 'form', message: 'Name?', requestedSchema } };
const sampling = {
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }], maxTokens: 5 },
};
const script = (era: EraName): ServerScript => ({
  era,
  tools: [{ name: 'asks', does: { asks: [form, sampling] } }, { name: 'echo' }],
});
const elicited = { action: 'accept', content: { name: 'Ann' } } as const;
const sampled = { role: 'assistant', model: 'm', content: { type: 'text', text: 'hello' } } as const;
const capabilities = { elicitation: { form: {} }, sampling: {} };

/** SDK v1: one tool asks on the stream of its call, the other on the session's own stream, as many real servers do. */
async function startOldSdkServer(): Promise<AsyncDisposable & { url: string }> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const server = new OldServer({ name: 'old', version: '1' }, { capabilities: { tools: {} } });
    const inputSchema = { type: 'object' as const };
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [
        { name: 'related', inputSchema },
        { name: 'unrelated', inputSchema },
      ],
    }));
    server.setRequestHandler(CallToolRequestSchema, async (request, extra) => {
      const ask = { method: 'elicitation/create' as const, params: { ...form.params, requestedSchema } };
      const answer =
        request.params.name === 'related'
          ? await extra.sendRequest(ask as never, ElicitResultSchema)
          : await server.elicitInput({ message: 'Name?', requestedSchema } as never);
      return { content: [{ type: 'text', text: JSON.stringify(answer) }] };
    });
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    await server.connect(transport as never);
    return transport;
  };
  const http = createServer((request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id']));
    void Promise.resolve(known ?? open()).then((transport) => transport.handleRequest(request, response));
  });
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function codeOf(answer: Answer): string | undefined {
  return (answer.error?.data as { code?: string } | undefined)?.code;
}

interface AnyClient {
  call(tool: string): Promise<string>;
  close(): Promise<void>;
}

const clients: Record<string, (url: string) => Promise<AnyClient>> = {
  'sdk v1': async (url) => {
    const client = new ClientV1({ name: 'v1', version: '1' }, { capabilities });
    client.setRequestHandler(ElicitRequestSchema, () => elicited);
    client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
    await client.connect(new HttpV1(new URL(url)) as Parameters<ClientV1['connect']>[0]);
    return {
      call: async (name) => textOfResult(await client.callTool({ name, arguments: {} })),
      close: () => client.close(),
    };
  },
  ...Object.fromEntries(
    (['legacy', 'auto'] as const).map((mode) => [
      `sdk v2, ${mode}`,
      async (url: string): Promise<AnyClient> => {
        const client = new ClientV2({ name: 'v2', version: '1' }, { capabilities, versionNegotiation: { mode } });
        client.setRequestHandler('elicitation/create', () => elicited);
        client.setRequestHandler('sampling/createMessage', () => sampled);
        await client.connect(new HttpV2(new URL(url)));
        return {
          call: async (name) => textOfResult(await client.callTool({ name, arguments: {} })),
          close: () => client.close(),
        };
      },
    ]),
  ),
};

describe('the SDKs', () => {
  let four: FourServers;
  let hub: FourServers['hub'];
  let old: AsyncDisposable & { url: string };
  beforeAll(async () => {
    old = await startOldSdkServer();
    four = await startFourServers(script, {
      more: [mcpServer('sdk', { source: { remote: { url: old.url } } })],
      tools: 10,
    });
    ({ hub } = four);
  });
  afterAll(async () => {
    await four?.[Symbol.asyncDispose]();
    await old?.[Symbol.asyncDispose]();
  });

  test.each(Object.entries(clients))(
    'EF-22 checklist 29: %s answers servers of both eras, over HTTP and stdio',
    async (_name, connect) => {
      const client = await connect(hub.url);
      try {
        for (const server of ['modernhttp', 'legacyhttp', 'modernstdio', 'legacystdio'])
          expect(JSON.parse(await client.call(`${server}_asks`)), server).toEqual([elicited, sampled]);
        for (const tool of ['related', 'unrelated'])
          expect(JSON.parse(await client.call(`sdk_${tool}`)), tool).toEqual(elicited);
      } finally {
        await client.close();
      }
    },
  );
});

describe('three replicas, every request somewhere else', () => {
  let server: { modern: RunningServer; legacy: RunningServer };
  let fleet: Fleet;
  beforeAll(async () => {
    server = { modern: await startHttpServer(script('modern')), legacy: await startHttpServer(script('legacy')) };
    const spec = { source: { image: { image: 'example/server:1' } }, http: { port: 8080 } };
    const servers = [mcpServer('young', spec), mcpServer('old', spec)];
    fleet = await startFleet(
      3,
      documentOf(1, servers, {
        young: { url: server.modern.url, inCluster: true },
        old: { url: server.legacy.url, inCluster: true },
      }),
      { key: randomBytes(32) },
    );
  });
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await server?.modern[Symbol.asyncDispose]();
    await server?.legacy[Symbol.asyncDispose]();
  });

  test.each(Object.entries(clients))('EF-30 %s answers, wherever its requests arrive', async (_name, connect) => {
    const client = await connect(fleet.url);
    try {
      for (let round = 0; round < 4; round += 1)
        for (const name of ['young', 'old'])
          expect(JSON.parse(await client.call(`${name}_asks`)), name).toEqual([elicited, sampled]);
    } finally {
      await client.close();
    }
  });

  test('checklist 26: a modern server is asked again through any replica; its own state comes back byte for byte', async () => {
    const clients = await Promise.all(fleet.members.map(({ url }) => connectModern(url, { capabilities })));
    const [first] = clients;
    const { result } = (await first?.callTool('young_asks')) ?? {};
    const inputResponses = { q0: elicited, q1: sampled };
    const { requestState } = result as { requestState: string };
    for (const client of clients) {
      const params = { name: 'young_asks', arguments: {}, inputResponses, requestState };
      expect(JSON.parse(textOfResult((await client.request('tools/call', params)).result))).toEqual([
        elicited,
        sampled,
      ]);
    }
    await Promise.all(clients.map((client) => client.close()));
  });

  test('checklist 31: a call of a legacy server waits at one replica; when that is killed, whoever comes back is told', async () => {
    const [a, b] = fleet.members;
    if (a === undefined || b === undefined) throw new Error('no replicas');
    await using asked = await connectModern(a.url, { capabilities });
    await using elsewhere = await connectModern(b.url, { capabilities });
    const begin = async () => {
      const { result } = await asked.callTool('old_asks', { n: 1 });
      const { inputRequests, requestState } = result as { inputRequests: object; requestState: string };
      const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, elicited]));
      return { name: 'old_asks', arguments: { n: 1 }, inputResponses, requestState };
    };
    const before = server.legacy.calls.filter(({ method }) => method === 'tools/call').length;
    const second = (await elsewhere.request('tools/call', await begin())).result as { inputRequests: object };
    expect(second).toMatchObject({ resultType: 'input_required' });
    expect(server.legacy.calls.filter(({ method }) => method === 'tools/call').length).toBe(before + 1);
    const lost = await begin();
    await fleet.kill(a);
    const answer = await elsewhere.request('tools/call', lost);
    expect(['QM_QUESTION_EXPIRED', 'QM_REPLICA_LOST']).toContain(codeOf(answer));
    fleet.forget(a);
    const later = await elsewhere.request('tools/call', lost);
    expect(codeOf(later)).toBe('QM_QUESTION_EXPIRED');
  });

  test('a legacy client is asked by a replica that its answers do not come to', async () => {
    await using client = await connectLegacy(fleet.url, {
      capabilities,
      onRequest: (method) => (method === 'elicitation/create' ? { ...elicited } : { ...sampled }),
    });
    for (let n = 0; n < 6; n += 1)
      expect(JSON.parse(textOfResult((await client.callTool('old_asks')).result))).toEqual([elicited, sampled]);
  });
});

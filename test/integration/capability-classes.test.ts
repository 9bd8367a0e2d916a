/** A legacy server that shows some tools only to clients with a capability: those clients see them through the hub, the others do not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectLegacy, connectModern, kitMatchers, startHttpServer, until } from '../kit/index.ts';
import type { JsonObject, KitClient, RunningServer } from '../kit/index.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

const form = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'Name?', requestedSchema: { type: 'object' } },
};
let server: RunningServer;
let hub: RunningHub;

beforeAll(async () => {
  server = await startHttpServer({
    era: 'legacy',
    tools: [
      { name: 'plain' },
      { name: 'asks', needs: 'elicitation', does: { asks: [form] } },
      { name: 'samples', needs: 'sampling' },
    ],
  });
  hub = await startHub([mcpHub(), mcpServer('s', { source: { remote: { url: server.url } } })]);
});
afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const connect = (era: 'modern' | 'legacy', capabilities: JsonObject): Promise<KitClient> =>
  (era === 'modern' ? connectModern : connectLegacy)(hub.url, {
    capabilities,
    onRequest: () => ({ action: 'accept', content: { name: 'Ann' } }),
  });
const names = async (client: KitClient): Promise<unknown[]> =>
  (await client.listAll('tools/list')).map((tool) => tool['name']);

describe.each(['modern', 'legacy'] as const)('a %s client', (era) => {
  test('EF-22 HT-0.07 sees what fits what it declared, and nothing else', async () => {
    await using nobody = await connect(era, {});
    await using asked = await connect(era, { elicitation: {} });
    await using both = await connect(era, { elicitation: {}, sampling: {} });
    expect(await names(nobody)).toEqual(['s_plain']);
    // Theirs is asked for with their first request, and waited for only so long.
    await expect.poll(() => names(asked)).toEqual(['s_asks', 's_plain']);
    await expect.poll(() => names(both)).toEqual(['s_asks', 's_plain', 's_samples']);
    expect(await names(nobody)).toEqual(['s_plain']);
    expect(await nobody.callTool('s_asks')).toBeRpcError(-32602, 'Unknown tool');
  });

  test('calls what it sees, also when it has not listed before', async () => {
    await using client = await connect(era, { elicitation: { form: {} } });
    const { result } = await client.callTool('s_asks');
    if (era === 'modern') expect(result?.['resultType']).toBe('input_required');
    else expect(JSON.stringify(result)).toContain('Ann');
  });
});

test('EF-22 a change for some is announced, and lists follow', async () => {
  await using client = await connect('legacy', { sampling: {} });
  await expect.poll(() => names(client)).toEqual(['s_plain', 's_samples']);
  using stream = await client.openStream();
  server.setTools([{ name: 'plain' }, { name: 'more', needs: 'sampling' }]);
  await until(() => stream.messages.some(({ method }) => method === 'notifications/tools/list_changed'), {
    because: 'the change is announced',
  });
  await until(async () => JSON.stringify(await names(client)) === '["s_more","s_plain"]', {
    because: 'the list follows',
  });
});

/** EF-23: `spec.tools.validate` through a real hub: bad arguments never reach the server, a bad result becomes a clear tool error. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectHttp, startHttpServer } from '../kit/index.ts';
import type { EraName, RunningServer, ToolScript } from '../kit/index.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

const inputSchema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const outputSchema = { type: 'object', properties: { degrees: { type: 'number' } }, required: ['degrees'] };
const extra = { outputSchema };
const tools: ToolScript[] = [
  { name: 'good', inputSchema, extra, does: { structuredContent: { degrees: 12 } } },
  { name: 'bad', inputSchema, extra, does: { structuredContent: { degrees: 'warm' } } },
  { name: 'evil', inputSchema: { type: 'object', properties: { text: { pattern: '^(a+)+$' } } } },
  { name: 'far', inputSchema: { type: 'object', $ref: 'https://example.com/schema.json' } },
];
const modes = ['none', 'warn', 'enforce'] as const;

let hub: RunningHub;
const servers = new Map<string, RunningServer>();

beforeAll(async () => {
  for (const mode of modes) servers.set(mode, await startHttpServer({ tools }));
  hub = await startHub([
    mcpHub(),
    ...modes.map((mode) =>
      mcpServer(mode, { source: { remote: { url: servers.get(mode)?.url ?? '' } }, tools: { validate: mode } }),
    ),
  ]);
});
afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  for (const one of servers.values()) await one[Symbol.asyncDispose]();
});

function callsOf(mode: string, tool: string): number {
  const calls = servers.get(mode)?.calls ?? [];
  return calls.filter(({ method, raw }) => method === 'tools/call' && raw.includes(`"name":"${tool}"`)).length;
}

describe.each(['modern', 'legacy'] satisfies EraName[])('%s client', (era) => {
  test('EF-23 what fits passes in every mode', async () => {
    await using client = await connectHttp(hub.url, era);
    for (const mode of modes)
      expect((await client.callTool(`${mode}_good`, { city: 'Oslo' })).result).toMatchObject({
        structuredContent: { degrees: 12 },
      });
  });

  test('EF-23 bad arguments never reach the server', async () => {
    await using client = await connectHttp(hub.url, era);
    const before = callsOf('enforce', 'good');
    const { result } = await client.callTool('enforce_good', { town: 'Oslo' });
    expect(result).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: expect.stringContaining('must have the property "city"') }],
      _meta: { 'dev.quaymaster/error': { code: 'QM_ARGUMENTS_INVALID' } },
    });
    expect(before).toBeGreaterThan(0);
    expect(callsOf('enforce', 'good')).toBe(before);
    for (const mode of ['none', 'warn'])
      expect((await client.callTool(`${mode}_good`, { town: 'Oslo' })).result).not.toHaveProperty('isError');
  });

  test('EF-23 a bad result becomes a clear tool error', async () => {
    await using client = await connectHttp(hub.url, era);
    expect((await client.callTool('enforce_bad', { city: 'Oslo' })).result).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: expect.stringContaining('/degrees must be number') }],
    });
    expect((await client.callTool('warn_bad', { city: 'Oslo' })).result).toMatchObject({
      structuredContent: { degrees: 'warm' },
    });
  });
});

test('EF-23 EF-24 what did not fit is counted, by server and by code', async () => {
  await using client = await connectHttp(hub.url, 'modern');
  await client.callTool('enforce_good', { town: 'Oslo' });
  await client.callTool('warn_good', { town: 'Oslo' });
  const line = await hub.program.line(/\(health http/, 5_000);
  const health = /\(health (http:[^)]+)\)/.exec(line)?.[1] ?? '';
  const metrics = await (await fetch(`${health}/metrics`)).text();
  expect(metrics).toMatch(/quaymaster_schema_misfits_total\{server="default\/enforce"\} [1-9]/);
  expect(metrics).toMatch(/quaymaster_schema_misfits_total\{server="default\/warn"\} [1-9]/);
  expect(metrics).toMatch(
    /quaymaster_call_errors_total\{.*server="default\/enforce",code="QM_ARGUMENTS_INVALID"\} [1-9]/,
  );
  expect(await (await fetch(`${health}/graphz`)).json()).toMatchObject({ hubs: [{ hub: 'default/desk' }] });
});

test('EF-23 a schema that cannot be checked, and a pattern that never ends, stop one tool and nothing else', async () => {
  await using client = await connectHttp(hub.url, 'modern');
  expect((await client.callTool('enforce_far', {})).result).toMatchObject({
    _meta: { 'dev.quaymaster/error': { code: 'QM_SCHEMA_UNUSABLE' } },
  });
  expect((await client.callTool('enforce_evil', { text: 'aaa' })).result).not.toHaveProperty('isError');
  const stuck = client.callTool('enforce_evil', { text: `${'a'.repeat(40)}!` });
  // Other calls go on meanwhile: checking has a thread of its own.
  for (let n = 0; n < 20; n++)
    expect((await client.callTool('none_good', { city: 'Oslo' })).result).toMatchObject({
      structuredContent: { degrees: 12 },
    });
  expect((await stuck).result).toMatchObject({
    _meta: { 'dev.quaymaster/error': { code: 'QM_SCHEMA_UNUSABLE' } },
  });
  expect((await client.callTool('enforce_good', { city: 'Oslo' })).result).toMatchObject({
    structuredContent: { degrees: 12 },
  });
});

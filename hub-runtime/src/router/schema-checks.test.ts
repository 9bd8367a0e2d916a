import { expect, test } from 'vitest';

import { silentLogger } from '../base/index.ts';
import { buildCatalog } from '../catalog/index.ts';
import type { HubGraph, ToolChecks } from '../exchange/index.ts';
import { exchangeOf, hubConfig, listing, seen, serverConfig, testSealer, tool } from '../fixtures/index.ts';
import { silentObserver } from '../observe/index.ts';
import type { CheckVerdict } from '../schemas/index.ts';
import { type RawJson, rawOf, scanObject, type ScannedObject } from '../wire/index.ts';
import { SchemaChecks } from './schema-checks.ts';

const server = 'default/files';
const graph = {} as HubGraph;

/** Checks that get these verdicts, in turn. */
function bench(...verdicts: CheckVerdict[]) {
  const asked: [schema: string, value: string][] = [];
  const counted: string[] = [];
  const warned: unknown[] = [];
  const checks = new SchemaChecks({
    log: { ...silentLogger, warn: (fields: unknown) => void warned.push(fields) },
    observer: { ...silentObserver, count: (name, label) => void counted.push(`${name} ${label}`) },
    schemas: {
      check(schema, value) {
        asked.push([schema, value]);
        return Promise.resolve(verdicts[asked.length - 1] ?? { kind: 'fits' });
      },
      close: () => {},
      waiting: 0,
    },
  });
  return { checks, asked, counted, warned };
}

const misfit: CheckVerdict = { kind: 'misfit', pointer: '/n', message: '/n must be integer' };
const checksOf = (mode: ToolChecks['mode'], output?: string): ToolChecks => ({
  mode,
  input: '{"input":1}' as RawJson,
  output: output as RawJson | undefined,
});
const call = (era: 'modern' | 'legacy' = 'modern', params: unknown = { name: 'files_read', arguments: { n: 'x' } }) =>
  exchangeOf(graph, 'tools/call', params, era);
const result = (value: unknown): ScannedObject => scanObject(rawOf(value)) as ScannedObject;

test('EF-23 arguments that fit go on; absent ones count as an empty object', async () => {
  const { checks, asked, counted } = bench();
  expect(await checks.ofArguments(call(), server, checksOf('enforce'))).toBeUndefined();
  expect(await checks.ofArguments(call('modern', { name: 'x' }), server, checksOf('enforce'))).toBeUndefined();
  expect(asked).toEqual([
    ['{"input":1}', '{"n":"x"}'],
    ['{"input":1}', '{}'],
  ]);
  expect(counted).toEqual([]);
});

test('EF-23 EF-24 arguments that do not fit become a tool error with code, severity and retry', async () => {
  const { checks, counted } = bench(misfit, misfit);
  const modern = await checks.ofArguments(call(), server, checksOf('enforce'));
  expect(modern).toMatchObject({ kind: 'ready', errorCode: 'QM_ARGUMENTS_INVALID' });
  expect(modern && seen(modern)).toEqual({
    resultType: 'complete',
    isError: true,
    content: [{ type: 'text', text: expect.stringContaining('/n must be integer') }],
    _meta: { 'dev.quaymaster/error': { code: 'QM_ARGUMENTS_INVALID', severity: 'low', retry: 'never' } },
  });
  const legacy = await checks.ofArguments(call('legacy'), server, checksOf('enforce'));
  expect(legacy && seen(legacy)).not.toHaveProperty('resultType');
  expect(counted).toEqual([`schemaMisfits ${server}`, `schemaMisfits ${server}`]);
});

test('EF-23 warn lets everything pass, counted and logged without the value', async () => {
  const { checks, counted, warned } = bench(misfit, { kind: 'unusable', message: 'it uses $async' });
  expect(await checks.ofArguments(call(), server, checksOf('warn'))).toBeUndefined();
  expect(await checks.ofArguments(call(), server, checksOf('warn'))).toBeUndefined();
  expect(counted).toHaveLength(2);
  expect(warned[0]).toEqual({
    server,
    tool: 'files_read',
    side: 'arguments',
    verdict: 'misfit',
    reason: '/n must be integer',
  });
});

test('EF-23 what cannot be checked is refused when checks are enforced; too many checks are an overload', async () => {
  const { checks } = bench({ kind: 'unusable', message: 'it uses $async' }, { kind: 'busy' });
  expect(await checks.ofArguments(call(), server, checksOf('enforce'))).toMatchObject({
    errorCode: 'QM_SCHEMA_UNUSABLE',
  });
  expect(await checks.ofArguments(call(), server, checksOf('enforce'))).toMatchObject({
    kind: 'error',
    errorCode: 'QM_OVERLOADED',
  });
  const without = new SchemaChecks({ log: silentLogger, observer: silentObserver, schemas: undefined });
  expect(await without.ofArguments(call(), server, checksOf('enforce'))).toMatchObject({
    errorCode: 'QM_SCHEMA_UNUSABLE',
  });
});

test('EF-23 a structured result is checked, a missing one is a fault, failures and unfinished results pass', async () => {
  const { checks, asked } = bench({ kind: 'fits' }, misfit);
  const output = checksOf('enforce', '{"output":1}');
  const judge = (value: unknown, of = output) => checks.ofResult(result(value), call(), server, of);
  expect(await judge({ structuredContent: { n: 1 } })).toBeUndefined();
  expect(await judge({ structuredContent: { n: 'x' } })).toMatchObject({ errorCode: 'QM_RESULT_INVALID' });
  expect(await judge({ content: [] })).toMatchObject({ errorCode: 'QM_RESULT_INVALID' });
  for (const passes of [{ isError: true }, { resultType: 'input_required' }, { task: { taskId: '1' } }])
    expect(await judge(passes)).toBeUndefined();
  expect(await judge({ content: [] }, checksOf('enforce'))).toBeUndefined();
  expect(asked.map(([schema]) => schema)).toEqual(['{"output":1}', '{"output":1}']);
});

test('EF-23 only tools of servers that ask for it carry checks', () => {
  const sealer = testSealer();
  const inputSchema = { type: 'object', required: ['a'] };
  const outputSchema = { type: 'array' };
  const of = (validate?: 'warn' | 'enforce') => {
    const config = serverConfig('files');
    const tools = { ...config.tools, ...(validate === undefined ? {} : { validate }) };
    const listed = listing({ tools: [tool('read', { inputSchema, outputSchema })] });
    const catalog = buildCatalog(hubConfig([{ ...config, tools }]), new Map([[config.key, listed]]), {
      sealCursor: (payload) => sealer.seal('cursor', payload),
      openCursor: (token) => sealer.open('cursor', token),
    });
    return catalog.tool('files_read')?.checks;
  };
  expect(of()).toBeUndefined();
  expect(of('warn')).toEqual({ mode: 'warn', input: rawOf(inputSchema), output: rawOf(outputSchema) });
  expect(of('enforce')?.mode).toBe('enforce');
});

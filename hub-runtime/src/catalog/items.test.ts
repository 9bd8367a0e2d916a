import { expect, test } from 'vitest';

import { metaKey, rawOf, type RawJson } from '../wire/index.ts';
import { buildCatalog } from './build-catalog.ts';
import {
  catalogDeps,
  catalogOf,
  hubConfig,
  itemsOf,
  listing,
  namesOf,
  pageOf,
  serverConfig,
  tool,
} from './catalog.fixture.ts';

test('HT-0.01 checklist 17: an item keeps every byte but name and the server stamp', () => {
  const raw =
    '{ "x-vendor":{"deep":[1.0,1e2, "\\u00e4"]},"name":"t","inputSchema": {"type":"object","$defs":{}} ,"title":"T","annotations":{"readOnlyHint":true},"_meta":{"a":1.50}}';
  const offered = { ...listing({}), tools: [raw as RawJson] };
  const catalog = buildCatalog(hubConfig([serverConfig('s')]), new Map([['default/s', offered]]), catalogDeps());
  expect(catalog.page('tools', undefined, 'legacy')).toBe(
    '{"tools":[{"x-vendor":{"deep":[1.0,1e2, "\\u00e4"]},"name":"s_t","inputSchema": {"type":"object","$defs":{}},"title":"T","annotations":{"readOnlyHint":true},"_meta":{"a":1.50,"dev.quaymaster/upstream":"s"}}]}',
  );
});

test('checklist 41: lists for modern clients say complete, private and not to be kept', () => {
  const servers = [serverConfig('s')];
  const listings = new Map([['default/s', listing({ tools: [tool('t')] })]]);
  const deps = { ...catalogDeps(), hubInfo: { name: 'desk', version: '1' } };
  const page = pageOf(buildCatalog(hubConfig(servers), listings, deps), 'tools');
  expect(page).toMatchObject({
    resultType: 'complete',
    ttlMs: 0,
    cacheScope: 'private',
    _meta: { [metaKey.serverInfo]: { name: 'desk', version: '1' } },
  });
  expect(Object.keys(pageOf(catalogOf({ s: {} }), 'prompts', 'legacy'))).toEqual(['prompts']);
});

test('`execution` belongs to older revisions: it goes for modern clients and stays for legacy ones', () => {
  const catalog = catalogOf({ s: { era: 'legacy', tools: [tool('t', { execution: { taskSupport: 'optional' } })] } });
  expect(itemsOf(catalog, 'tools', 'modern')[0]).not.toHaveProperty('execution');
  expect(itemsOf(catalog, 'tools', 'legacy')[0]).toHaveProperty('execution');
});

test('checklist 43: an output schema that is no object is wrapped for legacy clients, definitions included', () => {
  const outputSchema = { $defs: { row: { type: 'string' } }, type: 'array', items: { $ref: '#/$defs/row' } };
  const catalog = catalogOf({
    s: {
      tools: [
        tool('array', { outputSchema }),
        tool('object', { outputSchema: { type: 'object' } }),
        tool('none'),
        tool('junk', { outputSchema: null }),
      ],
    },
  });
  const [array, junk, none, object] = itemsOf(catalog, 'tools', 'legacy');
  expect(array?.['outputSchema']).toEqual({
    type: 'object',
    $defs: outputSchema.$defs,
    properties: { result: outputSchema },
    required: ['result'],
  });
  expect(object?.['outputSchema']).toEqual({ type: 'object' });
  expect(none).not.toHaveProperty('outputSchema');
  expect(junk).not.toHaveProperty('outputSchema');
  expect(itemsOf(catalog, 'tools', 'modern')[0]?.['outputSchema']).toEqual(outputSchema);
  expect(catalog.tool('s_array')?.wrapsStructured).toBe(true);
  expect(catalog.tool('s_object')).not.toHaveProperty('wrapsStructured');
});

test('a tool that would make clients refuse the whole list is left out and reported; its siblings stay', () => {
  const catalog = catalogOf({
    s: {
      tools: [
        tool('ok'),
        { name: 'bare' },
        { name: 'odd', inputSchema: { type: 'array' } },
        { name: '' },
        'text',
        tool('ok'),
      ],
    },
  });
  expect(namesOf(catalog)).toEqual(['s_ok']);
  expect(catalog.problems.map(({ reason, name }) => [reason, name])).toEqual([
    ['InvalidTool', 'bare'],
    ['InvalidTool', 'odd'],
    ['InvalidTool', ''],
    ['InvalidTool', ''],
    ['InvalidTool', 'ok'],
  ]);
});

test('an illegal x-mcp-header of a modern server takes its tool out, a legal one is part of the route', () => {
  const properties = (name: string) => ({
    inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': name } } },
  });
  const tools = [tool('good', properties('Region')), tool('bad', properties('no spaces'))];
  const modern = catalogOf({ s: { tools } });
  expect(namesOf(modern)).toEqual(['s_good']);
  expect(modern.problems.map(({ reason, name }) => [reason, name])).toEqual([['InvalidHeaderAnnotation', 'bad']]);
  expect(modern.tool('s_good')?.paramHeaders).toEqual([
    { header: 'mcp-param-region', path: ['region'], type: 'string' },
  ]);
  const legacy = catalogOf({ s: { era: 'legacy', tools } });
  expect(namesOf(legacy)).toEqual(['s_bad', 's_good']);
  expect(legacy.tool('s_bad')).not.toHaveProperty('paramHeaders');
});

test('lists of servers are bounded, and the cut is reported', () => {
  const tools = Array.from({ length: 1_001 }, (_, index) => tool(`t${String(index).padStart(4, '0')}`));
  const catalog = catalogOf({ s: { tools } });
  expect(catalog.counts.tools).toBe(1_000);
  expect(catalog.problems).toMatchObject([{ reason: 'TooMany', serverKeys: ['default/s'] }]);
});

test('the list of a hub is bounded, whatever its servers have', () => {
  const tools = Array.from({ length: 1_000 }, (_, index) => tool(`t${index}`));
  const offers = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`s${index}`, { tools }]));
  const catalog = catalogOf(offers);
  expect(catalog.counts.tools).toBe(10_000);
  expect(catalog.problems).toMatchObject([
    { reason: 'TooMany', message: expect.stringContaining('1000 are left out') },
  ]);
});

test('problems are bounded: the last one counts the rest', () => {
  const catalog = catalogOf({ s: { prompts: Array.from({ length: 300 }, () => ({})) } });
  expect(catalog.problems).toHaveLength(201);
  expect(catalog.problems.at(-1)).toMatchObject({ reason: 'TooMany', message: '100 more problems are not listed' });
});

test('hashes change exactly with what clients see of a kind', () => {
  const one = catalogOf({ s: { tools: [tool('t')], prompts: [{ name: 'p' }] } });
  const same = catalogOf({ s: { tools: [tool('t')], prompts: [{ name: 'p' }] } });
  const other = catalogOf({ s: { tools: [tool('t', { title: 'T' })], prompts: [{ name: 'p' }] } });
  expect(same.hashes).toEqual(one.hashes);
  expect(other.hashes).toEqual({ ...one.hashes, tools: other.hashes.tools });
  expect(other.hashes.tools).not.toBe(one.hashes.tools);
  expect(other.hash).not.toBe(one.hash);
});

test('capabilities: lists always, completion and logging where a server has them or may still have them', () => {
  const lists = { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true } };
  const of = (catalog: ReturnType<typeof catalogOf>, era: 'modern' | 'legacy'): unknown =>
    JSON.parse(catalog.capabilities(era));
  const plain = catalogOf({ s: { capabilities: { tools: {} } } });
  expect(of(plain, 'modern')).toEqual(lists);
  expect(of(plain, 'legacy')).toEqual(lists);
  const rich = catalogOf({ s: { capabilities: { completions: {}, logging: {}, extensions: { a: {} } } } });
  expect(of(rich, 'modern')).toEqual({ ...lists, completions: {}, extensions: { a: {} } });
  expect(of(rich, 'legacy')).toEqual({ ...lists, completions: {}, logging: {}, extensions: { a: {} } });
  const unknown = buildCatalog(hubConfig([serverConfig('s')]), new Map(), catalogDeps());
  const resources = { listChanged: true, subscribe: true };
  expect(of(unknown, 'legacy')).toEqual({ ...lists, resources, completions: {}, logging: {} });
});

test('checklist 47, 49: extensions, experimental features and tasks are those of the servers, in the form of each era', () => {
  const tasksExtension = 'io.modelcontextprotocol/tasks';
  const own = 'dev.quaymaster/hub';
  const catalog = catalogOf({
    a: {
      era: 'modern',
      capabilities: {
        extensions: { [tasksExtension]: {}, 'x/same': { n: [1] }, 'x/odd': { a: 1 }, [own]: { id: 'other' } },
      },
    },
    b: {
      era: 'legacy',
      capabilities: {
        tasks: { list: {} },
        extensions: { 'x/same': { n: [1] }, 'x/odd': { b: 1 } },
        experimental: { lab: {} },
      },
    },
  });
  const of = (era: 'modern' | 'legacy'): unknown => JSON.parse(catalog.capabilities(era));
  const extensions = { 'x/same': { n: [1] }, 'x/odd': {} };
  expect(of('modern')).toMatchObject({
    extensions: { ...extensions, [tasksExtension]: {} },
    experimental: { lab: {} },
  });
  expect(of('modern')).not.toHaveProperty('tasks');
  expect(of('legacy')).toMatchObject({ tasks: { cancel: {}, requests: { tools: { call: {} } } } });
  expect((of('legacy') as { extensions: unknown }).extensions).toEqual(extensions);
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`x/${n}`, {}]));
  const full = catalogOf({ a: { era: 'modern', capabilities: { extensions: many } } });
  expect(Object.keys((JSON.parse(full.capabilities('modern')) as { extensions: object }).extensions)).toHaveLength(64);
});

test('instructions: each server under its heading, a single one as it is, the hub’s own instead of all, never without bound', () => {
  const a = { instructions: 'Use ä.' };
  const long = { instructions: 'x'.repeat(5_000) };
  expect(catalogOf({ a, b: {}, c: { instructions: 'C' } }).instructions).toBe(rawOf('## a\nUse ä.\n\n## c\nC'));
  expect(catalogOf({ a }).instructions).toBe(rawOf('Use ä.'));
  expect(catalogOf({ a, b: long }, { instructions: 'Mine' }).instructions).toBe(rawOf('Mine'));
  expect(catalogOf({ a: {}, b: {} }).instructions).toBeUndefined();
  const many = catalogOf(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`s${index}`, long])));
  expect(many.instructions?.length).toBeLessThanOrEqual(33_000);
  expect(catalogOf({ a: { instructions: 'y'.repeat(40_000) } }).instructions?.length).toBeLessThan(33_000);
  expect(catalogOf({ a: { instructions: '  ' } }).instructions).toBeUndefined();
});

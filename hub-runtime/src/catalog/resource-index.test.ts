import fc from 'fast-check';
import { expect, test } from 'vitest';

import { catalogOf, itemsOf, type Offer, pageOf, tool, urisOf } from './catalog.fixture.ts';
import { parseQualifiedUri, qualifiedUri } from './qualified-uri.ts';

const resource = (uri: string): object => ({ uri, name: uri });
const offer = (...uris: string[]): Offer => ({ resources: uris.map(resource), capabilities: { resources: {} } });
const template = (...texts: string[]): Offer => ({
  resourceTemplates: texts.map((uriTemplate) => ({ uriTemplate, name: 'n' })),
  capabilities: { resources: {} },
});

test('EF-25 two servers with the same URI: both are listed and readable in qualified form, the bare one leads nowhere', () => {
  const catalog = catalogOf({ a: offer('file:///x', 'file:///only-a'), b: offer('file:///x') });
  expect(urisOf(catalog)).toEqual(['file:///only-a', 'qm://a/file:///x', 'qm://b/file:///x']);
  expect(catalog.resource('file:///x')).toBeUndefined();
  expect(catalog.resource('qm://a/file:///x')).toEqual({
    serverKey: 'default/a',
    original: 'file:///x',
    edits: [['uri', '"file:///x"']],
  });
  expect(catalog.resource('qm://b/file:///x')?.serverKey).toBe('default/b');
  expect(catalog.problems).toMatchObject([
    { reason: 'UriCollision', serverKeys: ['default/a', 'default/b'], name: 'file:///x' },
  ]);
});

test('HT-0.07 a unique URI stays as it is, and is readable in qualified form as well', () => {
  const catalog = catalogOf({ a: offer('file:///x'), b: offer('file:///y') });
  expect(urisOf(catalog)).toEqual(['file:///x', 'file:///y']);
  expect(catalog.resource('file:///y')).toEqual({ serverKey: 'default/b', original: 'file:///y', edits: [] });
  expect(catalog.resource('qm://b/file:///y')?.original).toBe('file:///y');
});

test('no server can capture the resources of another by listing their qualified URIs', () => {
  const catalog = catalogOf({ bank: offer('acc://1'), evil: offer('qm://bank/acc://1') });
  expect(catalog.resource('qm://bank/acc://1')?.serverKey).toBe('default/bank');
  expect(urisOf(catalog)).toEqual(['acc://1', 'qm://evil/qm://bank/acc://1']);
  expect(catalog.resource('qm://evil/qm://bank/acc://1')).toMatchObject({
    serverKey: 'default/evil',
    original: 'qm://bank/acc://1',
  });
});

test('HT-0.07 a qualified URI of a server this hub does not have is a URI like any other (hub of hubs)', () => {
  const catalog = catalogOf({ inner: offer('qm://files/file:///x') });
  expect(urisOf(catalog)).toEqual(['qm://files/file:///x']);
  expect(catalog.resource('qm://files/file:///x')?.serverKey).toBe('default/inner');
});

test('a URI nobody lists leads where exactly one server has a template for it', () => {
  const catalog = catalogOf({ a: template('db://{table}/rows'), b: template('doc://{id}', 'db://{t}/cols') });
  expect(catalog.resource('db://users/rows')?.serverKey).toBe('default/a');
  expect(catalog.resource('doc://7')?.serverKey).toBe('default/b');
  expect(catalog.resource('other://7')).toBeUndefined();
  const ambiguous = catalogOf({ a: template('x://{a}'), b: template('x://{+b}') });
  expect(ambiguous.resource('x://1')).toBeUndefined();
  expect(ambiguous.resource('qm://b/x://1')?.serverKey).toBe('default/b');
});

test('a URI nobody lists leads to the only server that has resources at all', () => {
  const catalog = catalogOf({ a: offer(), tools: { tools: [tool('t')] } });
  expect(catalog.resource('file:///any')).toEqual({
    serverKey: 'default/a',
    original: 'file:///any',
    edits: [],
    guessed: true,
  });
  expect(catalogOf({ a: offer(), b: offer() }).resource('file:///any')).toBeUndefined();
});

test('templates that two servers share are offered in qualified form; completion finds their server', () => {
  const catalog = catalogOf({ a: template('x://{id}', 'y://{id}'), b: template('x://{id}') });
  expect(urisOf(catalog, 'resourceTemplates')).toEqual(['qm://a/x://{id}', 'y://{id}', 'qm://b/x://{id}']);
  expect(catalog.template('qm://b/x://{id}')).toMatchObject({ serverKey: 'default/b', original: 'x://{id}' });
  expect(catalog.template('y://{id}')).toMatchObject({ serverKey: 'default/a', original: 'y://{id}' });
  expect(catalog.template('x://{id}')).toBeUndefined();
});

test('checklist 42: MCP Apps keep their scheme, and tools point at the page under its URI here', () => {
  const ui = (more: object): object =>
    tool('show', { _meta: { ui: { resourceUri: 'ui://page/main', visibility: ['model'] }, ...more } });
  const catalog = catalogOf({
    a: { ...offer('ui://page/main'), tools: [ui({ 'ui/resourceUri': 'ui://page/main' })] },
    b: { ...offer('ui://page/main'), tools: [ui({})] },
    c: { tools: [ui({})] },
  });
  expect(urisOf(catalog)).toEqual(['ui://qm.a/page/main', 'ui://qm.b/page/main']);
  expect(catalog.resource('ui://qm.b/page/main')).toMatchObject({ serverKey: 'default/b', original: 'ui://page/main' });
  expect(itemsOf(catalog, 'tools').map((item) => item['_meta'])).toEqual([
    {
      ui: { resourceUri: 'ui://qm.a/page/main', visibility: ['model'] },
      'ui/resourceUri': 'ui://qm.a/page/main',
      'dev.quaymaster/upstream': 'a',
    },
    { ui: { resourceUri: 'ui://qm.b/page/main', visibility: ['model'] }, 'dev.quaymaster/upstream': 'b' },
    // A server without resources cannot be read from: its links stay what they are.
    { ui: { resourceUri: 'ui://page/main', visibility: ['model'] }, 'dev.quaymaster/upstream': 'c' },
  ]);
});

test('HT-0.07 checklist 42: whatever a server hands out leads back to the same URI of the same server', () => {
  const uris = ['file:///x', 'file:///y', 'ui://app/p', 'qm://a/file:///x', 'qm://zz/q', 'db://t/1', 'ui://qm.b/app/p'];
  const some = fc.subarray(uris);
  fc.assert(
    fc.property(some, some, fc.constantFrom(...uris, 'new://thing'), (left, right, uri) => {
      const catalog = catalogOf({ a: { ...offer(...left) }, b: { ...offer(...right), ...template('db://{t}/1') } });
      for (const serverKey of ['default/a', 'default/b']) {
        const route = catalog.resource(catalog.exposedUri(serverKey, uri));
        expect(route).toMatchObject({ serverKey, original: uri });
      }
      const listed = urisOf(catalog);
      expect(new Set(listed).size).toBe(listed.length);
    }),
  );
});

test('URIs are left alone where no other server could be meant', () => {
  const alone = catalogOf({ a: offer('x://1'), tools: { tools: [tool('t')] } });
  expect(alone.urisAreTransparent('default/a')).toBe(true);
  expect(alone.urisAreTransparent('default/tools')).toBe(true);
  const two = catalogOf({ a: offer('x://1'), b: offer() });
  expect(two.urisAreTransparent('default/a')).toBe(false);
  expect(two.exposedUri('default/unknown', 'x://2')).toBe('x://2');
});

test('what a server lists twice is shown once, what is no resource is reported', () => {
  const catalog = catalogOf({ a: { resources: [resource('x://1'), resource('x://1'), {}], resourceTemplates: [{}] } });
  expect(urisOf(catalog)).toEqual(['x://1']);
  expect(catalog.problems.map(({ reason, message }) => [reason, message])).toEqual([
    ['InvalidItem', 'a resource of server "a" has no uri; it is left out'],
    ['InvalidItem', 'a resource template of server "a" has no uriTemplate; it is left out'],
  ]);
});

test('a URI beyond 4 KiB is no entry', () => {
  const catalog = catalogOf({ a: offer(`x://${'y'.repeat(4_096)}`) });
  expect(pageOf(catalog, 'resources')['resources']).toEqual([]);
});

test.each(['qm://', 'qm:///x', 'qm://a', 'qm://a/', 'ui://qm./x', 'ui://other/x', 'file:///qm://a/x'])(
  '%s is not a qualified URI',
  (uri) => {
    expect(parseQualifiedUri(uri)).toBeUndefined();
  },
);

test('qualified forms are the inverse of their parts', () => {
  for (const original of ['file:///a/b?c', 'ui://x/y', 'ui://', 'x'])
    if (original !== 'ui://')
      expect(parseQualifiedUri(qualifiedUri('s.1', original))).toEqual({ prefix: 's.1', original });
});

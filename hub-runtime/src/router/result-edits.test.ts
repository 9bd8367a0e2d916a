import fc from 'fast-check';
import { expect, test } from 'vitest';

import { objectRaw, parseRaw, type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { exposeUris, wrapStructured } from './result-edits.ts';

const expose = (uri: string): string => (uri.startsWith('x:') ? `qm://s/${uri}` : uri);
const read = (raw: RawJson): unknown => {
  const object = scanObject(raw);
  return object === undefined ? undefined : parseRaw(objectRaw(object));
};

/** The same edits on parsed values, as the plainest reader of the rules would write them. */
function reference(value: unknown, method: string): unknown {
  const uriOf = (holder: unknown): unknown =>
    isObject(holder) && typeof holder['uri'] === 'string' ? { ...holder, uri: expose(holder['uri']) } : holder;
  const block = (one: unknown): unknown => {
    if (!isObject(one)) return one;
    if (one['type'] === 'resource_link') return uriOf(one);
    return one['type'] === 'resource' ? { ...one, resource: uriOf(one['resource']) } : one;
  };
  const message = (one: unknown): unknown =>
    isObject(one) && 'content' in one ? { ...one, content: block(one['content']) } : one;
  const [key, edit] =
    method === 'tools/call'
      ? (['content', block] as const)
      : method === 'prompts/get'
        ? (['messages', message] as const)
        : (['contents', uriOf] as const);
  if (!isObject(value) || !Array.isArray(value[key])) return value;
  return { ...value, [key]: value[key].map(edit) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const uri = fc.constantFrom('x:1', 'x:ü"\\', 'y:1', '"uri"', '');
const noise = fc.jsonValue({ maxDepth: 2 });
const holder = fc.record({ uri: fc.oneof(uri, noise), text: noise }, { requiredKeys: [] });
const block = fc.oneof(
  noise,
  fc.record({ type: fc.constant('resource_link'), uri: fc.oneof(uri, noise), meta: noise }, { requiredKeys: ['type'] }),
  fc.record({ type: fc.constant('resource'), resource: fc.oneof(holder, noise), uri }, { requiredKeys: ['type'] }),
  fc.record({ type: fc.constant('text'), uri, text: uri }),
);
const message = fc.oneof(block, fc.record({ role: fc.constant('user'), content: block }));
const result = fc.record(
  {
    content: fc.oneof(fc.array(block), noise),
    messages: fc.oneof(fc.array(message), noise),
    contents: fc.oneof(fc.array(fc.oneof(holder, noise)), noise),
    more: noise,
  },
  { requiredKeys: [] },
);

test.each(['tools/call', 'prompts/get', 'resources/read'])(
  'HT-0.07 checklist 42: %s: exactly the URIs of links and resources change',
  (method) => {
    fc.assert(
      fc.property(result, (value) => {
        const scanned = scanObject(rawOf(value));
        if (scanned === undefined) return;
        const edited = exposeUris(scanned, method, expose);
        const wanted = reference(parseRaw(objectRaw(scanned)), method);
        expect(parseRaw(objectRaw(edited))).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  },
);

test('results of other methods are not looked at', () => {
  const scanned = scanObject('{"content":[{"type":"resource_link","uri":"x:1"}]}' as RawJson);
  if (scanned === undefined) throw new Error('no object');
  expect(exposeUris(scanned, 'vendor/do', expose)).toBe(scanned);
});

test('wrapping keeps every byte of what it wraps', () => {
  const scanned = scanObject('{"structuredContent": [1.0, 1e2] ,"content":[]}' as RawJson);
  if (scanned === undefined) throw new Error('no object');
  expect(objectRaw(wrapStructured(scanned, false))).toBe('{"structuredContent":{"result":[1.0, 1e2]},"content":[]}');
  expect(read(objectRaw(wrapStructured(scanned, true)))).toEqual({
    structuredContent: { result: [1, 100] },
    content: [],
  });
});

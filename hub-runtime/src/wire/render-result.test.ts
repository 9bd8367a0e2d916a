import { describe, expect, test } from 'vitest';

import { parseRaw, type RawJson, rawOf } from './raw.ts';
import { renderForLegacy, renderForModern, type ServerResult } from './render-result.ts';
import { metaKey } from './revisions.ts';
import { scanObject } from './scan-values.ts';

const hubInfo = rawOf({ name: 'quaymaster', version: '1' });
const stamp = { [metaKey.serverInfo]: { name: 'quaymaster', version: '1' }, [metaKey.upstream]: 'notes' };

function from(text: string, era: 'modern' | 'legacy'): ServerResult {
  const result = scanObject(text as RawJson);
  if (result === undefined) throw new Error(text);
  return { result, era, server: 'notes' };
}

function modern(text: string, era: 'modern' | 'legacy', method = 'tools/call'): unknown {
  const rendered = renderForModern(from(text, era), method, hubInfo);
  return rendered === undefined ? undefined : parseRaw(rendered);
}

describe('for a modern client', () => {
  test('EF-22 a legacy result becomes complete and stamped, the rest keeps its bytes', () => {
    const rendered = renderForModern(from('{"content":[ 1.0 ],"x":"\\u00e9"}', 'legacy'), 'tools/call', hubInfo);
    expect(rendered).toContain('"content":[ 1.0 ],"x":"\\u00e9"');
    expect(modern('{"content":[]}', 'legacy')).toEqual({ resultType: 'complete', content: [], _meta: stamp });
  });

  test('the reserved serverInfo is the hub, vendor keys of _meta stay', () => {
    const meta = `{"${metaKey.serverInfo}":{"name":"s"},"v":1,"${metaKey.upstream}":"forged"}`;
    expect(modern(`{"resultType":"complete","_meta":${meta}}`, 'modern')).toEqual({
      resultType: 'complete',
      _meta: { v: 1, ...stamp },
    });
    expect(modern('{"resultType":"complete","_meta":null}', 'modern')).toMatchObject({ _meta: stamp });
  });

  test('checklist 16: an unknown resultType never passes for complete', () => {
    expect(modern('{"resultType":"task"}', 'modern')).toBeUndefined();
    expect(modern('{"resultType":7}', 'modern')).toBeUndefined();
    const from = {
      result: scanObject('{"resultType":"task"}' as RawJson) ?? expect.fail(),
      era: 'modern',
      server: 'notes',
    } as const;
    expect(renderForModern({ ...from, task: true }, 'tools/call', '{}' as RawJson)).toContain('"task"');
    expect(modern('{"a":1}', 'modern')).toMatchObject({ resultType: 'complete', a: 1 });
    expect(modern('{"resultType":"own word of a legacy server"}', 'legacy')).toMatchObject({ resultType: 'complete' });
  });

  test('what a legacy server read may not be cached', () => {
    expect(modern('{"contents":[]}', 'legacy', 'resources/read')).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    expect(modern('{"contents":[],"ttlMs":5,"cacheScope":"public"}', 'legacy', 'resources/read')).toMatchObject({
      ttlMs: 5,
      cacheScope: 'public',
    });
    expect(modern('{"contents":[]}', 'legacy', 'prompts/get')).not.toHaveProperty('ttlMs');
  });
});

describe('for a legacy client', () => {
  test('EF-22 modern words go, the stamp comes, the rest keeps its bytes', () => {
    const meta = `{"${metaKey.serverInfo}":{"name":"s"},"v": 1}`;
    const rendered = renderForLegacy(
      from(`{"resultType":"complete","ttlMs":0,"content":[ ],"_meta":${meta}}`, 'modern'),
    );
    expect(rendered).toContain('"content":[ ]');
    expect(parseRaw(rendered)).toEqual({ ttlMs: 0, content: [], _meta: { v: 1, [metaKey.upstream]: 'notes' } });
    expect(parseRaw(renderForLegacy(from('{}', 'legacy')))).toEqual({ _meta: { [metaKey.upstream]: 'notes' } });
  });
});

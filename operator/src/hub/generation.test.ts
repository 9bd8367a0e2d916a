import { createHash } from 'node:crypto';

import { compile, type HubConfig, readRenderSettings, type RenderSettings } from '@quaymaster/crds';
import { describe, expect, test } from 'vitest';

import { documentContent, type HubDocumentContent } from './document.ts';
import { configContent, documentIn, generationOf, isOutrun, number, type Numbered, numberedBy } from './generation.ts';

const settings = readRenderSettings({}, '1') as RenderSettings;
const content = (instructions: string): HubDocumentContent => {
  const hub = {
    apiVersion: 'quaymaster.dev/v1alpha1',
    kind: 'McpHub',
    metadata: { name: 'desk', namespace: 'team' },
    spec: { auth: { mode: 'none' }, servers: {}, instructions },
  };
  return documentContent(compile([hub]).hubs[0] as HubConfig, undefined, settings);
};

const nothing = { last: undefined, running: [], others: [] };

describe('HT-0.05 a number is never used twice', () => {
  const after = (text: string, last?: Numbered, running: readonly Numbered[] = [], others: readonly number[] = []) =>
    number(content(text), { last, running, others });

  test('the first is 1; the same content keeps its number; another one gets the next', () => {
    const one = after('a');
    expect(one.generation).toBe(1);
    expect(after('a', one)).toEqual(one);
    const two = after('b', one);
    expect(two.generation).toBe(2);
    // Back to what was before: another number, since replicas only go forwards.
    expect(after('a', two).generation).toBe(3);
  });

  test('a lost Secret does not turn the count back', () => {
    expect(after('a', undefined, [], [7, generationOf('2/3 at generation 9')]).generation).toBe(10);
    const { hash } = after('a');
    expect(after('a', undefined, [{ hash, generation: 7 }]).generation).toBe(7);
    expect(after('a', undefined, [{ hash, generation: 7 }], [9]).generation).toBe(10);
  });

  test('an API server restored to an older state: the count goes on above what replicas run', () => {
    const old = after('a');
    const ahead = { hash: 'newer', generation: 45 };
    expect(isOutrun(old, [ahead])).toBe(true);
    const next = after('a', old, [ahead, old]);
    expect(next.generation).toBe(46);
    expect(isOutrun(next, [ahead, old])).toBe(false);
    // One number, two contents: neither may keep it.
    expect(after('a', old, [{ hash: 'other', generation: 1 }]).generation).toBe(2);
    // They are ahead with this very content.
    expect(after('a', old, [{ hash: old.hash, generation: 45 }]).generation).toBe(45);
    // Nobody follows nonsense.
    const mad = [{ hash: 'x', generation: Number.MAX_SAFE_INTEGER }];
    expect([after('a', old, mad).generation, isOutrun(old, mad)]).toEqual([1, false]);
  });

  test('what stands in status and annotations is read, nonsense is nothing', () => {
    expect(['3/3 at generation 42', '', undefined, 'at generation x', 5].map(generationOf)).toEqual([42, 0, 0, 0, 0]);
    const name = 'quaymaster.dev/config-generation';
    expect(numberedBy({ [name]: '4', 'quaymaster.dev/config-hash': 'h' })).toEqual({ hash: 'h', generation: 4 });
    for (const bad of ['0', '-1', '1.5', 'x', '']) {
      expect(numberedBy({ [name]: bad, 'quaymaster.dev/config-hash': 'h' })).toBeUndefined();
    }
    expect(numberedBy({ [name]: '4' })).toBeUndefined();
  });
});

describe('the config Secret', () => {
  test('holds the document and the authority; what was written is read again', () => {
    const document = number(content('a'), nothing);
    const secret = configContent(document, 'PEM');
    expect(Object.keys(secret?.data ?? {})).toEqual(['document.json.gz', 'ca.crt']);
    expect(Buffer.from(secret?.data['ca.crt'] ?? '', 'base64').toString()).toBe('PEM');
    expect(documentIn(secret?.data)).toEqual(document);
    expect(configContent(document, 'PEM')).toEqual(secret);
    expect(numberedBy(secret?.annotations ?? {})).toEqual({ hash: document.hash, generation: 1 });
  });

  test('EF-57 what does not fit is not written', () => {
    const noise = (count: number) =>
      Array.from({ length: count }, (_, i) => createHash('sha256').update(String(i)).digest('base64'));
    const sized = (count: number) => configContent(number({ ...content('a'), hosts: noise(count) }, nothing), 'PEM');
    expect(sized(40_000)).toBeUndefined();
    expect(Buffer.from(sized(20_000)?.data['document.json.gz'] ?? '', 'base64').length).toBeGreaterThan(500_000);
  });

  test('what a hand wrote into it is no document', () => {
    const document = number(content('a'), nothing);
    const { data = {} } = configContent(document, '') ?? {};
    expect(documentIn(undefined)).toBeUndefined();
    expect(documentIn({})).toBeUndefined();
    expect(documentIn({ 'document.json.gz': 'AAAA' })).toBeUndefined();
    const forged = configContent({ ...document, hash: 'other' }, '');
    expect(documentIn(forged?.data)).toBeUndefined();
    expect(documentIn(data)).toBeDefined();
  });
});

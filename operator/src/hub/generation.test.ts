import { createHash } from 'node:crypto';

import { compile, type HubConfig, readRenderSettings, type RenderSettings } from '@quaymaster/crds';
import { describe, expect, test } from 'vitest';

import { documentContent, type HubDocumentContent } from './document.ts';
import { configContent, documentIn, generationOf, number, numberedBy } from './generation.ts';

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

describe('HT-0.05 a number is never used twice', () => {
  test('the first is 1; the same content keeps its number; another one gets the next', () => {
    const one = number(content('a'), undefined, []);
    expect(one.generation).toBe(1);
    expect(number(content('a'), one, [])).toEqual(one);
    expect(number(content('b'), one, []).generation).toBe(2);
    // Back to what was before: another number, since replicas only go forwards.
    expect(number(content('a'), number(content('b'), one, []), []).generation).toBe(3);
  });

  test('a lost Secret does not turn the count back', () => {
    expect(number(content('a'), undefined, [7, 3, generationOf('2/3 at generation 9')]).generation).toBe(10);
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
    const document = number(content('a'), undefined, []);
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
    const sized = (count: number) =>
      configContent(number({ ...content('a'), hosts: noise(count) }, undefined, []), 'PEM');
    expect(sized(40_000)).toBeUndefined();
    expect(Buffer.from(sized(20_000)?.data['document.json.gz'] ?? '', 'base64').length).toBeGreaterThan(500_000);
  });

  test('what a hand wrote into it is no document', () => {
    const document = number(content('a'), undefined, []);
    const { data = {} } = configContent(document, '') ?? {};
    expect(documentIn(undefined)).toBeUndefined();
    expect(documentIn({})).toBeUndefined();
    expect(documentIn({ 'document.json.gz': 'AAAA' })).toBeUndefined();
    const forged = configContent({ ...document, hash: 'other' }, '');
    expect(documentIn(forged?.data)).toBeUndefined();
    expect(documentIn(data)).toBeDefined();
  });
});

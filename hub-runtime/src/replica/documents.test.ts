import type { HubDocument } from '@quaymaster/crds';
import { expect, test } from 'vitest';

import { serverConfig } from '../fixtures/index.ts';
import { Documents } from './documents.ts';
import { documentOf } from './testing/index.ts';

function stage(apply: (document: HubDocument) => void = () => {}) {
  const applied: number[] = [];
  const documents = new Documents('default/desk', (document) => {
    apply(document);
    applied.push(document.generation);
  });
  return { documents, applied };
}
const refused = (message: unknown) => ({ kind: 'refused', message });

test('EF-57 the highest generation wins, from whichever side it comes', () => {
  const { documents, applied } = stage();
  const [two, three] = [documentOf(2, { hosts: ['two'] }), documentOf(3, { hosts: ['three'] })];
  expect(documents.offer(two, 'mount')).toEqual({ kind: 'applied' });
  expect(documents.offer(three, 'stream')).toEqual({ kind: 'applied' });
  expect(documents.offer(two, 'mount')).toEqual({ kind: 'nothing-new' });
  expect(documents.offer(two, 'stream')).toEqual(refused('generation 2 is older than 3, which runs'));
  expect(documents.running).toBe(three);
  expect(documents.offer(documentOf(4), 'mount')).toEqual({ kind: 'applied' });
  expect(applied).toEqual([2, 3, 4]);
});

test('the same content is not taken over twice, but a later number of it is known', () => {
  const { documents, applied } = stage();
  documents.offer(documentOf(2), 'stream');
  expect(documents.offer(documentOf(2), 'mount')).toEqual({ kind: 'nothing-new' });
  expect(documents.offer(documentOf(5), 'stream')).toEqual({ kind: 'nothing-new' });
  expect(documents.offer(documentOf(4), 'mount')).toEqual({ kind: 'nothing-new' });
  expect(documents.running?.generation).toBe(5);
  expect(applied).toEqual([2]);
});

test('EF-57 one number is one document', () => {
  const { documents } = stage();
  documents.offer(documentOf(2), 'stream');
  const other = documentOf(2, { hosts: ['x'] });
  expect(documents.offer(other, 'mount')).toEqual(
    refused(`generation 2 runs as ${documentOf(2).hash}; a different document (${other.hash}) has the same number`),
  );
});

test.each<[string, HubDocument, string]>([
  [
    'another hub',
    documentOf(1, { config: { name: 'other' } }),
    'it is the document of default/other, and this is default/desk',
  ],
  [
    'a changed document',
    { ...documentOf(1), hosts: ['evil.example.com'] },
    'its content does not have the hash it names',
  ],
  [
    'a changed configuration',
    { ...documentOf(1), config: { ...documentOf(1).config, path: '/x' } },
    'its content does not have the hash it names',
  ],
  ['a server without address', documentOf(1, { addresses: {} }), 'it has no address for server default/a'],
])('%s is refused', (_what, document, message) => {
  const { documents, applied } = stage();
  expect(documents.offer(document, 'stream')).toEqual(refused(expect.stringContaining(message)));
  expect(applied).toEqual([]);
  expect(documents.running).toBeUndefined();
});

test('HT-0.05 one that cannot be taken over leaves the last good one, and may come again', () => {
  let broken = false;
  const { documents } = stage(() => {
    if (broken) throw new Error('no such thing');
  });
  documents.offer(documentOf(1), 'stream');
  broken = true;
  const next = documentOf(2, { servers: [serverConfig('b')] });
  expect(documents.offer(next, 'stream')).toEqual(refused('no such thing'));
  expect(documents.running?.generation).toBe(1);
  broken = false;
  expect(documents.offer(next, 'mount')).toEqual({ kind: 'applied' });
});

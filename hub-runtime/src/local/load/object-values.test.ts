import { expect, test } from 'vitest';

import { objectValues } from './object-values.ts';

const object = (kind: string, name: string, more: object) => ({ apiVersion: 'v1', kind, metadata: { name }, ...more });

test('data of a Secret is base64, stringData is text and wins; a ConfigMap is text', () => {
  const values = objectValues(
    [
      object('Secret', 's', { data: { a: 'aGVsbG8=', b: 'b2xk' }, stringData: { b: 'new' } }),
      object('ConfigMap', 'c', { data: { a: 'aGVsbG8=' } }),
      object('McpServer', 's', { data: { a: 'no' } }),
    ],
    [],
  );
  expect(values.values('Secret', 'default', 's')).toEqual(
    new Map([
      ['a', 'hello'],
      ['b', 'new'],
    ]),
  );
  expect(values.values('ConfigMap', 'default', 'c')).toEqual(new Map([['a', 'aGVsbG8=']]));
  expect(values.values('Secret', 'other', 's')).toBeUndefined();
});

test('X-03 a named environment file is a Secret of the default namespace; one in the manifests wins', () => {
  const files = [
    { name: 'gh', entries: new Map([['token', 'from file']]) },
    { name: 'only', entries: new Map([['k', 'v']]) },
  ];
  const values = objectValues([object('Secret', 'gh', { stringData: { token: 'declared' } })], files);
  expect(values.values('Secret', 'default', 'gh')?.get('token')).toBe('declared');
  expect(values.values('Secret', 'default', 'only')?.get('k')).toBe('v');
  expect(values.values('ConfigMap', 'default', 'only')).toBeUndefined();
});

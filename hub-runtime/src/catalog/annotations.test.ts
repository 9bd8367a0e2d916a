import { expect, test } from 'vitest';

import type { ToolAnnotations } from '@quaymaster/crds';

import { toolEdits } from '../fixtures/index.ts';
import { buildCatalog } from './build-catalog.ts';
import { catalogDeps, hubConfig, itemsOf, listing, serverConfig, tool } from './catalog.fixture.ts';

function offered(
  tools: readonly (readonly [name: string, annotations: unknown])[],
  annotate: Record<string, ToolAnnotations> = {},
) {
  const raw = tools.map(([name, annotations]) => tool(name, annotations === undefined ? {} : { annotations }));
  const config = hubConfig([serverConfig('s', toolEdits({ annotate }))]);
  return buildCatalog(config, new Map([['default/s', listing({ tools: raw })]]), catalogDeps());
}

test('HT-1.11 a tool may be repeated when it says so, or is said to; the manifest has the last word', () => {
  const catalog = offered(
    [
      ['reads', { readOnlyHint: true }],
      ['same', { idempotentHint: true }],
      ['plain', { destructiveHint: false, title: 'x' }],
      ['silent', undefined],
      ['said', undefined],
      ['denied', { readOnlyHint: true, idempotentHint: true }],
      ['junk', 'yes'],
      ['almost', { readOnlyHint: 'true', idempotentHint: 1 }],
    ],
    { said: { idempotentHint: true }, denied: { readOnlyHint: false, idempotentHint: false } },
  );
  const repeatable = ['reads', 'same', 'plain', 'silent', 'said', 'denied', 'junk', 'almost'].filter(
    (name) => catalog.tool(`s_${name}`)?.repeatable === true,
  );
  expect(repeatable).toEqual(['reads', 'same', 'said']);
  expect(catalog.problems).toEqual([]);
});

test('annotations of the manifest are laid over those of the server; what it does not name stays; unknown tools are told', () => {
  const catalog = offered(
    [
      ['a', { title: 'A', vendor: { x: 1 }, readOnlyHint: false }],
      ['b', undefined],
      ['c', { title: 'C' }],
    ],
    { a: { readOnlyHint: true, openWorldHint: false }, b: { title: 'B' }, none: { title: 'N' } },
  );
  expect(itemsOf(catalog, 'tools', 'modern').map(({ annotations }) => annotations)).toEqual([
    { title: 'A', vendor: { x: 1 }, readOnlyHint: true, openWorldHint: false },
    { title: 'B' },
    { title: 'C' },
  ]);
  expect(catalog.problems).toMatchObject([
    {
      reason: 'UnknownTool',
      name: 'none',
      message: 'tools.annotate names tool "none", which server "s" does not have',
    },
  ]);
});

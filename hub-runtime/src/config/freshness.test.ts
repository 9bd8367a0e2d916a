import { expect, test } from 'vitest';

import type { ListHints, ServerListing, Upstream } from '../exchange/index.ts';
import { FakeUpstream, listing, serverConfig } from '../fixtures/index.ts';
import { emptyObject, rawOf, scanObject } from '../wire/index.ts';
import { freshnessOf } from './freshness.ts';

const capable = scanObject(rawOf({ tools: {}, resources: {} })) as ServerListing['capabilities'];
const without = scanObject(emptyObject) as ServerListing['capabilities'];

function server(hints: ListHints | undefined, capabilities = capable): Upstream {
  const upstream = new FakeUpstream(serverConfig('a'));
  upstream.listing = { ...listing({}), capabilities, hints: hints === undefined ? {} : { tools: hints } };
  return upstream;
}

const of = (...servers: Upstream[]) => freshnessOf('tools', servers, 1_000);

test('EF-26 checklist 41: the shortest time and the strictest scope of all servers, less what has passed', () => {
  const open = server({ freshUntil: 61_000, isPublic: true });
  expect(of(open)).toEqual({ ttlMs: 60_000, isPublic: true });
  expect(of(open, server({ freshUntil: 31_000.5, isPublic: true }))).toEqual({ ttlMs: 30_000, isPublic: true });
  expect(of(open, server({ freshUntil: 91_000, isPublic: false }))).toEqual({ ttlMs: 60_000, isPublic: false });
  expect(of(server({ freshUntil: 900, isPublic: true }))).toEqual({ ttlMs: 0, isPublic: true });
});

test('EF-26 a server that says nothing, or was never listed, makes a list private and good for no time', () => {
  const open = server({ freshUntil: 61_000, isPublic: true });
  const none = { ttlMs: 0, isPublic: false };
  expect(of(open, server(undefined))).toEqual(none);
  expect(of(open, new FakeUpstream(serverConfig('b')))).toEqual(none);
  expect(of()).toEqual(none);
});

test('EF-26 servers without such a list do not count, and kinds are apart', () => {
  const open = server({ freshUntil: 61_000, isPublic: true });
  expect(of(open, server(undefined, without))).toEqual({ ttlMs: 60_000, isPublic: true });
  expect(freshnessOf('resourceTemplates', [open], 1_000)).toEqual({ ttlMs: 0, isPublic: false });
});

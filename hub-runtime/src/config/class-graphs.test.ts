import { expect, test } from 'vitest';

import { buildCatalog } from '../catalog/index.ts';
import type { HubGraph, ServerListing, Upstream } from '../exchange/index.ts';
import { FakeUpstream, hubConfig, listing, serverConfig, tool } from '../fixtures/index.ts';
import { type RawJson, rawOf } from '../wire/index.ts';
import { ClassGraphs, classGraphLimits } from './class-graphs.ts';
import { graphOf } from './graph-of.ts';

const cursors = { sealCursor: () => '', openCursor: () => undefined };
const plain = listing({ tools: [tool('a')] });
const more = listing({ tools: [tool('a'), tool('asks')] });

/** A hub with one server that shows `more` to those of whom `sees` says so. */
function setUp(sees: (capabilities: RawJson) => ServerListing | undefined, some = true) {
  const config = hubConfig([serverConfig('s')]);
  const upstream = new FakeUpstream(config.servers[0] ?? expect.fail('no server'));
  Object.assign(upstream, { hasClassListings: some, listingFor: sees });
  const listings = new Map([[upstream.key, plain]]);
  const make = (): HubGraph =>
    graphOf(config, 1, buildCatalog(config, listings, cursors), new Map<string, Upstream>([[upstream.key, upstream]]));
  let current = make();
  let built = 0;
  const graphs = new ClassGraphs({
    current: () => current,
    build: (graph, own) => {
      built++;
      return buildCatalog(graph.config, own, cursors);
    },
    listings: () => listings,
  });
  return { graphs, built: () => built, current: () => current, swap: () => (current = make()) };
}

const asking = rawOf({ elicitation: {} });
const sees = (capabilities: RawJson) => (capabilities.includes('elicitation') ? more : undefined);

test('who declares what a server goes by sees its catalog, all of them the same one; the others see the common one', () => {
  const { graphs, current, built } = setUp(sees);
  const seen = graphs.graphFor(current(), asking);
  expect(seen.catalog.counts.tools).toBe(2);
  expect(seen.base).toBe(current());
  expect(graphs.graphFor(current(), asking)).toBe(seen);
  expect(graphs.graphFor(current(), rawOf({ roots: {}, elicitation: { form: {} } }))).toBe(seen);
  expect(graphs.graphFor(current(), rawOf({ roots: {} }))).toBe(current());
  expect(graphs.graphFor(current(), '{}' as RawJson)).toBe(current());
  expect(built()).toBe(1);
});

test('where no server shows anybody anything else, nothing is made', () => {
  const { graphs, current, built } = setUp(sees, false);
  expect(graphs.graphFor(current(), asking)).toBe(current());
  expect(built()).toBe(0);
});

test('a swap begins anew, and says what was seen before; older graphs are what they are', () => {
  const { graphs, current, swap } = setUp(sees);
  const old = current();
  const seen = graphs.graphFor(old, asking);
  const next = swap();
  expect([...graphs.swapped()]).toEqual([[asking, seen]]);
  expect(graphs.graphFor(old, asking)).toBe(old);
  expect(graphs.graphFor(next, asking).base).toBe(next);
  expect([...graphs.swapped().keys()]).toEqual([asking]);
});

test('declarations and catalogs that are kept are bounded', () => {
  const lists = new Map<RawJson, ServerListing>();
  const { graphs, current, built } = setUp((capabilities) => lists.get(capabilities));
  const declared = Array.from({ length: classGraphLimits.graphs + 1 }, (_, n) => rawOf({ experimental: { n } }));
  for (const one of declared) {
    lists.set(one, listing({ tools: [tool(`t${built()}`)] }));
    graphs.graphFor(current(), one);
  }
  expect(built()).toBe(classGraphLimits.graphs + 1);
  for (let n = 0; n <= classGraphLimits.declarations; n++) graphs.graphFor(current(), rawOf({ roots: { n } }));
  expect(graphs.swapped().size).toBeLessThanOrEqual(classGraphLimits.declarations);
});

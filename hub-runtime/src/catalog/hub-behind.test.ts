import { describe, expect, test } from 'vitest';

import type { CatalogSnapshot, ServerListing } from '../exchange/index.ts';
import { type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { buildCatalog } from './build-catalog.ts';
import {
  catalogDeps,
  hubConfig,
  itemsOf,
  listing,
  namesOf,
  type Offer,
  serverConfig,
  tool,
} from './catalog.fixture.ts';
import { hubIdOf } from './hub-behind.ts';

const self = { id: 'desk~1', isOwn: (id: string) => id === 'desk~1' || id === 'desk~0' };

function asHub(offer: Offer, id: unknown, era: 'modern' | 'legacy' = 'modern'): ServerListing {
  const extension = { 'dev.quaymaster/hub': { id } };
  const capabilities = { tools: {}, resources: {}, [era === 'modern' ? 'extensions' : 'experimental']: extension };
  return { ...listing(offer), era, capabilities: scanObject(rawOf(capabilities)) ?? listing(offer).capabilities };
}

function catalogOf(servers: Readonly<Record<string, ServerListing>>): CatalogSnapshot {
  const config = hubConfig(Object.keys(servers).map((name) => serverConfig(name)));
  const listings = new Map(Object.entries(servers).map(([name, one]) => [`default/${name}`, one]));
  return buildCatalog(config, listings, { ...catalogDeps(), identity: self });
}

const behind = (...way: string[]) => ({ _meta: { 'dev.quaymaster/hops': way.join(',') } });

describe('HT-0.10 servers that are hubs', () => {
  test.each([
    ['b~2', 'modern', 'b~2'],
    ['b~2', 'legacy', 'b~2'],
    ['B 2', 'modern', undefined],
    ['', 'modern', undefined],
    [2, 'modern', undefined],
  ] as const)('%j, %s: %j', (id, era, expected) => {
    expect(hubIdOf(asHub({}, id, era))).toBe(expected);
  });

  test('a hub tells its id to both eras', () => {
    const catalog = catalogOf({});
    expect(JSON.parse(catalog.capabilities('modern'))).toHaveProperty('extensions', {
      'dev.quaymaster/hub': { id: 'desk~1' },
    });
    expect(JSON.parse(catalog.capabilities('legacy'))).toHaveProperty('experimental', {
      'dev.quaymaster/hub': { id: 'desk~1' },
    });
  });

  test('every item of theirs says behind which hubs it stands, and the graph knows', () => {
    const catalog = catalogOf({
      b: asHub(
        {
          tools: [tool('own'), tool('far', behind('c~3'))],
          prompts: [{ name: 'p' }],
          resources: [{ uri: 'x://1', name: 'n' }],
        },
        'b~2',
      ),
      plain: listing({ tools: [tool('t')] }),
    });
    const way = (item: Record<string, unknown>) => (item['_meta'] as Record<string, unknown>)['dev.quaymaster/hops'];
    expect(itemsOf(catalog, 'tools').map(way)).toEqual(['b~2,c~3', 'b~2', undefined]);
    expect(itemsOf(catalog, 'prompts').map(way)).toEqual(['b~2']);
    expect(itemsOf(catalog, 'resources').map(way)).toEqual(['b~2']);
    expect(catalog.hubs).toEqual(new Map([['default/b', 'b~2']]));
    expect(catalog.decisions().find(({ original }) => original === 'far')?.through).toEqual(['b~2', 'c~3']);
  });

  test('what comes round is left out and told once, what else the neighbour has stays', () => {
    const catalog = catalogOf({
      b: asHub(
        {
          tools: [tool('own'), tool('round', behind('c~3', 'desk~1')), tool('older', behind('desk~0'))],
          prompts: [{ name: 'p', ...behind('desk~1') }],
          resources: [{ uri: 'x://1', name: 'n', ...behind('desk~1') }],
        },
        'b~2',
      ),
    });
    expect(namesOf(catalog)).toEqual(['b_own']);
    expect([catalog.counts.prompts, catalog.counts.resources]).toEqual([0, 0]);
    expect(catalog.problems).toEqual([
      expect.objectContaining({
        reason: 'HubLoop',
        serverKeys: ['default/b'],
        message: expect.stringContaining('(desk~1 > b~2'),
      }),
    ]);
    expect(catalog.decisions().filter(({ reason }) => reason === 'HubLoop')).toHaveLength(4);
  });

  test('a server that is this very hub offers nothing', () => {
    const catalog = catalogOf({ me: asHub({ tools: [tool('x')] }, 'desk~1') });
    expect(namesOf(catalog)).toEqual([]);
    expect(catalog.problems.map(({ reason }) => reason)).toEqual(['HubLoop']);
  });

  test('the way is bounded, and a made-up one only hides its item', () => {
    const many = Array.from({ length: 8 }, (_, n) => `h~${n}`);
    const catalog = catalogOf({
      b: asHub(
        { tools: [tool('far', behind(...many)), tool('odd', behind('NO GOOD')), tool('x', behind(...many.slice(1)))] },
        'b~2',
      ),
    });
    expect(namesOf(catalog)).toEqual(['b_x']);
  });

  test('hubs that nobody named are ordinary servers', () => {
    const config = hubConfig([serverConfig('b')]);
    const listings = new Map([['default/b', asHub({ tools: [tool('x', behind('desk~1'))] }, 'b~2')]]);
    const catalog = buildCatalog(config, listings, catalogDeps());
    expect(catalog.counts.tools).toBe(1);
    expect(catalog.hubs.size).toBe(0);
    expect(catalog.capabilities('modern')).not.toContain('quaymaster' as RawJson);
  });
});

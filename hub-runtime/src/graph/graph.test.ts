import { expect, test } from 'vitest';

import { buildCatalog } from '../catalog/index.ts';
import type { HubGraph, ServerListing } from '../exchange/index.ts';
import {
  FakeUpstream,
  hubConfig,
  listing,
  type Offer,
  serverConfig,
  testSealer,
  tool,
  toolEdits,
} from '../fixtures/index.ts';
import { parseRaw } from '../wire/index.ts';
import { type CapabilityGraph, capabilityGraph } from './capability-graph.ts';
import { graphDot } from './graph-dot.ts';
import { graphText } from './graph-text.ts';

interface Described {
  readonly offer: Offer | undefined;
  readonly tools?: Parameters<typeof toolEdits>[0];
}

function graphOf(
  servers: Readonly<Record<string, Described>>,
  changes: Parameters<typeof hubConfig>[1] = {},
): HubGraph {
  const sealer = testSealer();
  const configs = Object.entries(servers).map(([name, { tools }]) => ({
    ...serverConfig(name),
    ...(tools === undefined ? {} : toolEdits(tools)),
  }));
  const config = hubConfig(configs, changes);
  const upstreams = config.servers.map((server) => new FakeUpstream(server));
  const listings = new Map<string, ServerListing>();
  for (const upstream of upstreams) {
    const offer = servers[upstream.config.name]?.offer;
    upstream.start();
    if (offer === undefined) continue;
    upstream.list(listing(offer));
    listings.set(upstream.key, listing(offer));
  }
  const catalog = buildCatalog(config, listings, {
    sealCursor: (payload) => sealer.seal('cursor', payload),
    openCursor: (token) => sealer.open('cursor', token),
  });
  return { config, generation: 3, catalog, upstreams, upstream: (key) => upstreams.find((one) => one.key === key) };
}

function items({ servers }: CapabilityGraph, server: string): string[] {
  const node = servers.find((one) => one.server === `default/${server}`);
  return (node?.items ?? []).map(
    ({ kind, name, state, offeredAs, reason }) =>
      `${kind} ${name}: ${state}${offeredAs === undefined ? '' : ` as ${offeredAs}`}${reason === undefined ? '' : ` (${reason})`}`,
  );
}

test('HT-0.02 every item of a server is there, offered or with the reason why not', () => {
  const graph = capabilityGraph(
    graphOf({
      files: {
        offer: {
          tools: [tool('read'), tool('write'), tool('list'), { name: 'broken' }, tool('read')],
          prompts: [{ name: 'p' }, {}],
          resources: [{ uri: 'x://1', name: 'n' }, {}],
          resourceTemplates: [{ uriTemplate: 'x://{id}', name: 't' }],
        },
        tools: { exclude: ['write'], rename: { list: 'ls' } },
      },
      other: {
        offer: { tools: [tool('a'), tool('b')], resources: [{ uri: 'x://1', name: 'n' }] },
        tools: { include: ['a'] },
      },
    }),
  );
  expect(items(graph, 'files')).toEqual([
    'tool list: offered as files_ls (Renamed)',
    'tool read: offered as files_read',
    'prompt p: offered as files_p',
    'resource x://1: offered as qm://files/x://1 (UriCollision)',
    'resourceTemplate x://{id}: offered as x://{id}',
    'resource : refused (InvalidItem)',
    'tool write: hidden (Excluded)',
    'tool broken: refused (InvalidTool)',
    'tool read: refused (InvalidTool)',
    'prompt : refused (InvalidItem)',
  ]);
  expect(items(graph, 'other')).toContain('tool b: hidden (NotIncluded)');
  expect(graph.problems.map(({ reason }) => reason)).toContain('UriCollision');
});

test('HT-0.02 colliding names are offered to nobody, aliases say so', () => {
  const graph = capabilityGraph(
    graphOf(
      { a: { offer: { tools: [tool('x'), tool('y')] } }, b: { offer: { tools: [tool('x')] } } },
      {
        naming: {
          strategy: 'none',
          separator: '_',
          maxLength: 64,
          aliases: { why: { server: 'a', tool: 'y' } },
        },
      },
    ),
  );
  expect(items(graph, 'a')).toEqual(['tool y: offered as why (Alias)', 'tool x: colliding (NameCollision)']);
  expect(items(graph, 'b')).toEqual(['tool x: colliding (NameCollision)']);
});

test('HT-0.02 every exposed tool has exactly one path', () => {
  const graph = graphOf({
    a: { offer: { tools: [tool('b_c'), tool('x')] } },
    a_b: { offer: { tools: [tool('c'), tool('y')] } },
  });
  const listed = (parseRaw(graph.catalog.page('tools', undefined, 'modern') ?? '') as { tools: { name: string }[] })
    .tools;
  const paths = capabilityGraph(graph).servers.flatMap(({ items: all }) =>
    all.flatMap(({ offeredAs = [] }) => offeredAs),
  );
  expect(paths.toSorted()).toEqual(listed.map(({ name }) => name).toSorted());
  expect(new Set(paths).size).toBe(paths.length);
  expect(paths).toHaveLength(2);
});

test('HT-0.02 a server that is down keeps its items and says why; one never listed has none', () => {
  const live = graphOf({ a: { offer: { tools: [tool('x')] } }, b: { offer: undefined } });
  const [upstream] = live.upstreams as FakeUpstream[];
  upstream?.enter('Stopped', 'Exited');
  const { servers } = capabilityGraph(live);
  expect(servers[0]).toMatchObject({ ready: false, phase: 'Stopped', reason: 'Exited', era: 'modern' });
  expect(servers[0]?.items).toHaveLength(1);
  expect(servers[1]).toMatchObject({ ready: false, phase: 'Starting', items: [] });
  expect(servers[1]).not.toHaveProperty('era');
});

test('the tree for people: one line each, with what is notable on demand, and nothing that moves a cursor', () => {
  const graph = capabilityGraph(
    graphOf({
      a: { offer: { tools: [tool('read'), tool('no\u001b[2Jo')] }, tools: { exclude: ['no*'] } },
      b: { offer: undefined },
    }),
  );
  const lines = graphText(graph);
  expect(lines).toEqual([
    'default/desk  1 tool',
    expect.stringMatching(/^├─ default\/a \(remote, /),
    '│  ├─ tool read  as a_read',
    '│  └─ tool no [2Jo  hidden  (Excluded)',
    expect.stringMatching(/^└─ default\/b \(remote\) {2}Starting: /),
  ]);
  expect(graphText(graph, { notable: true })).toHaveLength(4);
});

test('the same for Graphviz, quotes and backslashes harmless', () => {
  const graph = capabilityGraph(graphOf({ a: { offer: { tools: [tool('say "hi" \\o')] } }, b: { offer: undefined } }));
  const text = graphDot([graph]);
  expect(text).toMatch(/^digraph quaymaster \{\n[^]*\n\}$/);
  expect(text).toContain('tool say \\"hi\\" \\\\o');
  expect(text).toContain('"hub default/desk" -> "server default/desk default/b";');
  expect(text).toContain('color=red');
});

import { expect, test } from 'vitest';

import { buildCatalog } from '../catalog/index.ts';
import type { HubGraph, ServerListing } from '../exchange/index.ts';
import {
  exchangeOf,
  FakeUpstream,
  hubConfig,
  listing,
  seen,
  serverConfig,
  testSealer,
  tool,
} from '../fixtures/index.ts';
import { parseRaw } from '../wire/index.ts';
import { ownResource } from './own-resource.ts';

function graphOf(ops: boolean, ...uris: string[]): HubGraph {
  const sealer = testSealer();
  const server = serverConfig('a');
  const upstream = new FakeUpstream(server);
  const offer = listing({ tools: [tool('x')], resources: uris.map((uri) => ({ uri, name: 'n' })) });
  upstream.list(offer);
  const config = hubConfig([server], ops ? { control: { ops: true } } : {});
  const catalog = buildCatalog(config, new Map<string, ServerListing>([[server.key, offer]]), {
    sealCursor: (payload) => sealer.seal('cursor', payload),
    openCursor: (token) => sealer.open('cursor', token),
  });
  return { config, generation: 1, catalog, upstreams: [upstream], upstream: () => upstream };
}

const uris = (graph: HubGraph): unknown[] =>
  (
    parseRaw(graph.catalog.page('resources', undefined, 'modern') ?? '') as { resources: { uri: string }[] }
  ).resources.map(({ uri }) => uri);

test('HT-0.02 hub://graph is offered only where spec.control.ops asks for it', () => {
  expect(uris(graphOf(false, 'x://1'))).toEqual(['x://1']);
  expect(uris(graphOf(true, 'x://1'))).toEqual(['hub://graph', 'x://1']);
  expect(graphOf(true, 'x://1').catalog.urisAreTransparent('default/a')).toBe(true);
});

test('HT-0.02 no server takes its place, and what a server lists under that URI stays readable', () => {
  const graph = graphOf(true, 'hub://graph');
  expect(uris(graph)).toEqual(['hub://graph', 'qm://a/hub://graph']);
  expect(graph.catalog.resource('hub://graph')).toMatchObject({ own: 'graph', serverKey: '' });
  expect(graph.catalog.resource('qm://a/hub://graph')).toMatchObject({ serverKey: 'default/a' });
  expect(graph.catalog.exposedUri('default/a', 'hub://graph')).toBe('qm://a/hub://graph');
  expect(graph.catalog.urisAreTransparent('default/a')).toBe(false);
});

test('HT-0.02 it reads as the graph the request sees, in either era', () => {
  const graph = graphOf(true);
  for (const era of ['modern', 'legacy'] as const) {
    const result = seen(ownResource(exchangeOf(graph, 'resources/read', { uri: 'hub://graph' }, era))) as {
      contents: { uri: string; text: string }[];
    };
    expect(Object.hasOwn(result, 'resultType')).toBe(era === 'modern');
    expect(result.contents[0]?.uri).toBe('hub://graph');
    expect(JSON.parse(result.contents[0]?.text ?? '')).toMatchObject({
      hub: 'default/desk',
      servers: [{ server: 'default/a', items: [{ kind: 'tool', name: 'x', offeredAs: 'a_x' }] }],
    });
  }
});

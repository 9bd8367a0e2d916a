import { expect, test } from 'vitest';
import type { ManifestObject } from '../manifest/index.ts';
import { createCompileMemo } from './memo.ts';
import { compile } from './index.ts';

const apiVersion = 'quaymaster.dev/v1alpha1';
const hub = (name: string, include: readonly string[], more: Record<string, unknown> = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpHub',
  metadata: { name, ...(more['metadata'] as object) },
  spec: { servers: { include }, auth: { mode: 'none' }, ...(more['spec'] as object) },
});
const toward = (name: string, target: string, namespace?: string): ManifestObject => ({
  apiVersion,
  kind: 'McpServer',
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  spec: { source: { hub: { name: target } } },
});
const plain: ManifestObject = {
  apiVersion,
  kind: 'McpServer',
  metadata: { name: 'plain' },
  spec: { source: { npm: { package: 'x', version: '1.0.0' } } },
};

function references(objects: readonly ManifestObject[], name: string): string | undefined {
  const outcome = compile(objects).servers.find((one) => one.name === name);
  const condition = outcome?.conditions.find(({ type }) => type === 'ResolvedRefs');
  return condition === undefined ? undefined : `${condition.reason}: ${condition.message}`;
}

test('HT-0.10 a hub by its name leads to the path of that hub, with its own place in the identity', () => {
  const at = (path: string) =>
    compile([hub('a', ['b']), hub('b', ['plain'], { spec: { path } }), toward('b', 'b'), plain]).hubs.find(
      (one) => one.name === 'a',
    )?.servers[0];
  expect(at('/mcp')).toMatchObject({
    source: { kind: 'hub', name: 'b', path: '/mcp' },
    transport: 'streamableHttp',
    instances: { mode: 'perClient' },
  });
  expect(at('/other')?.source).toEqual({ kind: 'hub', name: 'b', path: '/other' });
  expect(at('/other')?.runtimeHash).not.toBe(at('/mcp')?.runtimeHash);
});

test('HT-0.10 a chain of three is no circle', () => {
  const objects = [
    hub('a', ['to-b']),
    hub('b', ['to-c']),
    hub('c', ['plain']),
    toward('to-b', 'b'),
    toward('to-c', 'c'),
    plain,
  ];
  const { hubs } = compile(objects);
  expect(hubs.map(({ name, servers }) => `${name}: ${servers.map((one) => one.name).join()}`)).toEqual([
    'a: to-b',
    'b: to-c',
    'c: plain',
  ]);
});

test('HT-0.10 of a circle every server on it is refused, with the whole way; the rest goes on', () => {
  const objects = [
    hub('a', ['to-b', 'plain']),
    hub('b', ['to-c']),
    hub('c', ['to-a']),
    hub('aside', ['to-b']),
    toward('to-b', 'b'),
    toward('to-c', 'c'),
    toward('to-a', 'a'),
    plain,
  ];
  const way = 'default/a -> default/to-b -> default/b -> default/to-c -> default/c -> default/to-a -> default/a';
  expect(references(objects, 'to-b')).toBe(`HubLoop: hubs lead in a circle: ${way}`);
  for (const name of ['to-a', 'to-b', 'to-c']) expect(references(objects, name)).toMatch(/^HubLoop: /);
  const { hubs } = compile(objects);
  expect(hubs.map(({ servers }) => servers.map((one) => one.name).join())).toEqual(['plain', '', '', '']);
});

test('HT-0.10 a hub that leads to itself is a circle of one', () => {
  expect(references([hub('a', ['me']), toward('me', 'a')], 'me')).toBe(
    'HubLoop: hubs lead in a circle: default/a -> default/me -> default/a',
  );
});

test('HT-0.10 a hub that is not there, refused, or in another namespace is not found', () => {
  expect(references([hub('desk', ['x']), toward('x', 'dexk')], 'x')).toMatch(
    /^HubNotFound: McpHub "dexk" does not exist in namespace default, or was refused; did you mean desk\?/,
  );
  expect(references([hub('b', []), hub('b', []), toward('x', 'b')], 'x')).toMatch(/^HubNotFound/);
  expect(references([hub('b', []), toward('x', 'b', 'elsewhere')], 'x')).toMatch(/^HubNotFound/);
});

test('a memory changes nothing: the hub behind a server appears, moves and goes', () => {
  const memo = createCompileMemo();
  const server = toward('x', 'b');
  const a = hub('a', ['x']);
  for (const objects of [
    [a, server],
    [a, server, hub('b', [])],
    [a, server, hub('b', [], { spec: { path: '/p' } })],
    [a, server, hub('b', ['x'])],
    [a, server],
  ]) {
    const strip = (compiled: ReturnType<typeof compile>) => JSON.stringify([compiled.hubs, compiled.servers]);
    const compiled = compile(objects, { memo });
    expect(strip(compiled)).toBe(strip(compile(objects)));
    // The same again is the very same.
    const again = compile(objects, { memo });
    expect(again.servers[0]).toBe(compiled.servers[0]);
    expect(again.hubOutcomes[0]).toBe(compiled.hubOutcomes[0]);
  }
});

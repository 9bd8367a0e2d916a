import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import type { ManifestObject } from '../manifest/index.ts';
import { compareText } from './canonical.ts';
import { apiVersion, hub, message, npm, offered, reasons, secret, server, useCompiler } from './compile.fixture.ts';
import { canonicalJson, compile, contentHash } from './index.ts';

const run = useCompiler();

describe('golden configurations', () => {
  test.each(['everything', 'broken'])('%s', (name) => {
    const text = readFileSync(join(import.meta.dirname, `golden/${name}.yaml`), 'utf8');
    const objects = parseAllDocuments(text).map((document) => document.toJS() as ManifestObject);
    const { hubs, servers, hubOutcomes, refused } = run(objects);
    const strip = ({ object: _object, ...rest }: { object: ManifestObject }) => rest;
    const actual = `${JSON.stringify({ hubs, servers: servers.map(strip), hubOutcomes: hubOutcomes.map(({ config: _config, ...rest }) => strip(rest)), refused: refused.map(strip) }, null, 2)}\n`;
    const file = join(import.meta.dirname, `golden/${name}.json`);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, actual);
    expect(actual).toBe(readFileSync(file, 'utf8'));
  });
});

describe('determinism', () => {
  const objects = [
    server('a', {}, { labels: { t: '1' } }),
    server('b'),
    server('b'),
    server('c', { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }),
    server('d', { nonsense: 1 }),
    hub('one'),
    hub('two', { servers: { include: ['b', 'a'] } }),
    hub('two', {}, { namespace: 'other' }),
    secret('s', ['k']),
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } },
  ];

  test('HT-0.06 same set in any arrival order gives the same result', () => {
    const expected = canonicalJson(run(objects));
    fc.assert(
      fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }), (shuffled) => {
        expect(canonicalJson(run(shuffled))).toBe(expected);
      }),
      { numRuns: 25 },
    );
  });

  test('the order of keys does not change a hash, the order of arguments does', () => {
    expect(contentHash({ a: 1, b: { c: 2, d: [1, 2] } })).toBe(contentHash({ b: { d: [1, 2], c: 2 }, a: 1 }));
    expect(contentHash([1, 2])).not.toBe(contentHash([2, 1]));
    expect(contentHash({ a: undefined })).toBe(contentHash({}));
  });

  test('no secret value enters the configuration or a condition', () => {
    const compiled = run([
      server('a', {
        env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
        envFrom: [{ secretRef: { name: 's' } }],
      }),
      hub('h'),
      secret('s', ['k']),
    ]);
    expect(offered(compiled, 'h')).toEqual(['a']);
    expect(
      JSON.stringify({ ...compiled, servers: compiled.servers.map((one) => ({ ...one, object: undefined })) }),
    ).not.toContain('value-of-');
  });

  test('inputs are not changed', () => {
    const frozen = [server('a'), hub('h')].map(deepFreeze);
    expect(() => run(frozen)).not.toThrow();
  });
});

describe('runtimeHash: what keeps a running server', () => {
  const hash = (spec: Record<string, unknown>, hubSpec: Record<string, unknown> = {}) =>
    run([server('a', spec), hub('h', hubSpec)]).hubs[0]?.servers[0]?.runtimeHash;
  const base = hash({});

  test.each([
    ['tool edits', { tools: { exclude: ['x'] } }],
    ['timeouts', { timeouts: { call: '5s' } }],
    ['health', { health: { interval: '5s' } }],
    ['replicas', { replicas: 2 }],
    [
      'a default written out',
      { protocol: 'auto', lifecycle: { start: 'eager' }, instances: { mode: 'shared', max: 4 }, transport: 'stdio' },
    ],
  ])('EF-45 %s do not change it', (_name, spec) => {
    expect(hash(spec)).toBe(base);
  });

  test('EF-45 nor do the timeouts of the hub', () => {
    expect(hash({}, { timeouts: { call: '1s' } })).toBe(base);
  });

  test.each([
    ['source', { source: { npm: { package: 'x', version: '1.0.1' } } }],
    ['arguments', { source: { npm: { package: 'x', version: '1.0.0', args: ['-v'] } } }],
    ['env', { env: [{ name: 'A', value: '1' }] }],
    ['envFrom', { envFrom: [{ secretRef: { name: 'x', optional: true } }] }],
    ['roots', { roots: [{ name: 'a', emptyDir: {} }] }],
    ['protocol', { protocol: 'legacy' }],
    ['lifecycle', { lifecycle: { start: 'lazy' } }],
    ['instances', { instances: { max: 5 } }],
  ])('%s does', (_name, spec) => {
    expect(hash(spec)).toBeDefined();
    expect(hash(spec)).not.toBe(base);
  });
});

describe('a broken object never takes the others down', () => {
  test('invalid server', () => {
    const compiled = run([server('good'), server('bad', { transprot: 'x' }), hub('h')]);
    expect(offered(compiled, 'h')).toEqual(['good']);
    expect(reasons(compiled, 'bad')).toEqual(['Accepted=False/Invalid', 'Programmed=False/NotProgrammed']);
    expect(message(compiled, 'bad', 'Accepted')).toContain('did you mean transport?');
    expect(message(compiled, 'h', 'ResolvedRefs')).toBe('selected servers left out: bad');
  });

  test('invalid hub beside a good one', () => {
    const compiled = run([server('good'), hub('bad', { auth: {} }), hub('h')]);
    expect(compiled.hubs.map((config) => config.name)).toEqual(['h']);
    expect(reasons(compiled, 'bad')).toEqual(['Accepted=False/Invalid', 'Programmed=False/NotProgrammed']);
  });

  test('a rule broken (CEL) counts like a schema error; without validator the source is still checked', () => {
    const two = server('bad', { source: { ...npm, remote: { url: 'https://a.example' } } });
    expect(message(run([two]), 'bad', 'Accepted')).toContain('set exactly one of npm');
    expect(message(compile([two]), 'bad', 'Accepted')).toContain('set exactly one of npm');
  });

  test('documents of other kinds, and documents without a name, are refused one by one', () => {
    const compiled = run([
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } },
      { apiVersion, kind: 'McpServer', metadata: {} as never, spec: {} },
      { apiVersion, kind: 'McpServer' } as never,
      { apiVersion, kind: 'McpHub', metadata: { name: 'n', namespace: 7 as never }, spec: {} },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: '' } },
      hub('h'),
    ]);
    expect(compiled.refused.map((entry) => String(entry.conditions[0]?.reason)).toSorted(compareText)).toEqual([
      'Invalid',
      'Invalid',
      'Invalid',
      'Invalid',
      'UnknownKind',
    ]);
    expect(compiled.hubs).toHaveLength(1);
  });

  test('a document that contains itself', () => {
    const spec: Record<string, unknown> = { source: npm };
    spec['self'] = spec;
    expect(reasons(run([server('bad', spec), hub('h')]), 'bad')?.[0]).toBe('Accepted=False/Invalid');
  });

  test('many issues are summarised', () => {
    const unknown = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`zz${index}`, 1]));
    expect(message(run([server('bad', unknown)]), 'bad', 'Accepted')).toMatch(/\| and 20 more$/);
  });
});

describe('never a silent winner', () => {
  test('duplicate servers are all refused, each place named', () => {
    const at = (file: string, line: number, version: string) => ({
      ...server('a', { source: { npm: { package: 'x', version } } }),
      origin: { file, line },
    });
    const compiled = run([at('b.yaml', 1, '2.0.0'), at('a.yaml', 7, '1.0.0'), hub('h')]);
    expect(offered(compiled, 'h')).toEqual([]);
    expect(reasons(compiled, 'a')).toEqual(['Accepted=False/DuplicateName', 'Programmed=False/NotProgrammed']);
    expect(message(compiled, 'a', 'Accepted')).toBe('declared 2 times: a.yaml:7, b.yaml:1');
  });

  test('an explicit default namespace is the same namespace', () => {
    expect(message(run([server('a'), server('a', {}, { namespace: 'default' })]), 'a', 'Accepted')).toContain(
      'declared 2 times',
    );
  });

  test('equal names in two namespaces are two servers', () => {
    const compiled = run([
      server('a'),
      server('a', {}, { namespace: 'n' }),
      hub('h'),
      hub('h', {}, { namespace: 'n' }),
    ]);
    expect(compiled.hubs.map((config) => config.servers.map((one) => one.key))).toEqual([['default/a'], ['n/a']]);
  });

  test('duplicate hubs are refused', () => {
    expect(run([hub('h'), hub('h', { path: '/x' })]).hubs).toEqual([]);
  });

  test('a Secret declared twice resolves nothing', () => {
    const compiled = run([
      server('a', { envFrom: [{ secretRef: { name: 's' } }] }),
      secret('s', ['a']),
      secret('s', ['b']),
      hub('h'),
    ]);
    expect(reasons(compiled, 'a')?.[1]).toBe('ResolvedRefs=False/SecretNotFound');
    expect(compiled.refused.map((entry) => entry.conditions[0]?.reason)).toEqual(['DuplicateName', 'DuplicateName']);
  });
});

describe('the store of sessions', () => {
  const url = 'rediss://hub@store:6380/1';
  const from = (key: string, optional = false) => ({ secretKeyRef: { name: 'store', key, optional } });
  const withStore = (redis: Record<string, unknown> = {}) =>
    hub('h', { sessions: { store: 'redis', redis: { url, ...redis } } });

  test('EF-30 reaches the configuration with names of Secrets and no value; without one there is nothing of it', () => {
    const refs = { passwordFrom: from('password'), caFrom: from('ca') };
    const compiled = run([withStore(refs), secret('store', ['password', 'ca'])]);
    expect(compiled.hubs[0]?.sessions).toEqual({
      store: 'redis',
      url,
      password: { name: 'store', key: 'password', optional: false },
      authority: { name: 'store', key: 'ca', optional: false },
      prefix: 'quaymaster:',
    });
    expect(reasons(compiled, 'h')).toContain('ResolvedRefs=True/ResolvedRefs');
    for (const sessions of [undefined, {}, { store: 'sealed' }])
      expect(run([hub('h', sessions === undefined ? {} : { sessions })]).hubs[0]).not.toHaveProperty('sessions');
  });

  test('a Secret of it that is missing is said, and the hub goes on', () => {
    const compiled = run([withStore({ passwordFrom: from('password'), caFrom: from('ca', true) }), server('a')]);
    expect(reasons(compiled, 'h')).toContain('ResolvedRefs=False/SecretNotFound');
    expect(message(compiled, 'h', 'ResolvedRefs')).toContain('spec.sessions.redis.passwordFrom');
    expect(offered(compiled, 'h')).toEqual(['a']);
  });
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { ManifestObject } from '../manifest/index.ts';
import { loadValidator } from '../validate/index.ts';
import type { Validator } from '../validate/index.ts';
import { compareText } from './canonical.ts';
import { canonicalJson, compile, contentHash } from './index.ts';
import type { Compiled, CompileOptions } from './index.ts';

let validate: Validator;
beforeAll(async () => {
  validate = await loadValidator();
});

const apiVersion = 'quaymaster.dev/v1alpha1';
type Metadata = Partial<ManifestObject['metadata']>;
const npm = { npm: { package: 'x', version: '1.0.0' } };
const server = (name: string, spec: Record<string, unknown> = {}, metadata: Metadata = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpServer',
  metadata: { name, ...metadata },
  spec: { source: npm, ...spec },
});
const hub = (name: string, spec: Record<string, unknown> = {}, metadata: Metadata = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpHub',
  metadata: { name, ...metadata },
  spec: { servers: { selector: {} }, auth: { mode: 'none' }, ...spec },
});
const secret = (name: string, keys: readonly string[], metadata: Metadata = {}): ManifestObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, ...metadata },
  stringData: Object.fromEntries(keys.map((key) => [key, `value-of-${key}`])),
});

const run = (objects: readonly ManifestObject[], options: CompileOptions = {}) =>
  compile(objects, { validate, ...options });
const offered = (compiled: Compiled, name: string) =>
  compiled.hubs.find((config) => config.name === name)?.servers.map((one) => one.name);
const reasons = (compiled: Compiled, name: string) =>
  [...compiled.servers, ...compiled.hubOutcomes]
    .find((outcome) => outcome.name === name)
    ?.conditions.map((entry) => `${entry.type}=${entry.status}/${entry.reason}`);
const message = (compiled: Compiled, name: string, type: string) =>
  [...compiled.servers, ...compiled.hubOutcomes]
    .find((outcome) => outcome.name === name)
    ?.conditions.find((entry) => entry.type === type)?.message;

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

describe('references', () => {
  const ref = (member: string, key: string, optional = false) => ({
    env: [{ name: 'X', valueFrom: { [member]: { name: 'o', key, optional } } }],
  });
  const config: ManifestObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'o' }, data: { k: 'v' } };

  test.each([
    ['SecretNotFound', server('a', ref('secretKeyRef', 'k')), []],
    ['SecretKeyNotFound', server('a', ref('secretKeyRef', 'missing')), [secret('o', ['k'])]],
    ['ConfigMapNotFound', server('a', ref('configMapKeyRef', 'k')), [secret('o', ['k'])]],
    ['ConfigMapKeyNotFound', server('a', ref('configMapKeyRef', 'missing')), [config]],
    ['SecretNotFound', server('a', { envFrom: [{ secretRef: { name: 'o' } }] }), []],
    ['ConfigMapNotFound', server('a', { envFrom: [{ configMapRef: { name: 'o' } }] }), []],
    ['SecretNotFound', server('a', ref('secretKeyRef', 'k')), [secret('o', ['k'], { namespace: 'other' })]],
    [
      'SecretNotFound',
      server('a', {
        source: {
          remote: {
            url: 'https://a.example',
            headers: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'o', key: 'k' } } }],
          },
        },
      }),
      [],
    ],
  ])('%s leaves the server out', (reason, object, others) => {
    const compiled = run([object, ...others, hub('h')]);
    expect(offered(compiled, 'h')).toEqual([]);
    expect(reasons(compiled, 'a')).toEqual([
      'Accepted=True/Accepted',
      `ResolvedRefs=False/${reason}`,
      'Programmed=False/NotProgrammed',
    ]);
    expect(message(compiled, 'a', 'ResolvedRefs')).toMatch(/spec\.(env|source)/);
  });

  test('optional references and existing ones resolve', () => {
    expect(offered(run([server('a', ref('secretKeyRef', 'k', true)), hub('h')]), 'h')).toEqual(['a']);
    expect(offered(run([server('a', ref('configMapKeyRef', 'k')), config, hub('h')]), 'h')).toEqual(['a']);
  });

  test('the driver may know further objects', () => {
    const lookup: CompileOptions['lookup'] = (kind, namespace, name) =>
      kind === 'Secret' && namespace === 'default' && name === 'o' ? ['k'] : undefined;
    expect(offered(run([server('a', ref('secretKeyRef', 'k')), hub('h')], { lookup }), 'h')).toEqual(['a']);
    expect(
      offered(run([server('a', ref('secretKeyRef', 'other')), secret('o', ['other']), hub('h')], { lookup }), 'h'),
    ).toEqual(['a']);
  });

  test('all that is missing is in one message', () => {
    const compiled = run([server('a', { envFrom: [{ secretRef: { name: 's' } }, { configMapRef: { name: 'c' } }] })]);
    expect(message(compiled, 'a', 'ResolvedRefs')).toContain(
      'Secret "s" does not exist in namespace default (spec.envFrom[0]) | ConfigMap "c"',
    );
  });

  test.each([
    [
      { source: { npm: { ...npm.npm, args: ['$(roots.dta)'] } } },
      '$(roots.dta) in spec.source.npm.args[0] names no entry of spec.roots; did you mean data?',
    ],
    [
      { env: [{ name: 'D', value: 'x:$(roots.other)' }] },
      '$(roots.other) in spec.env[0].value names no entry of spec.roots',
    ],
  ])('UnknownRoot in %j', (spec, expected) => {
    const compiled = run([server('a', { roots: [{ name: 'data', emptyDir: {} }], ...spec }), hub('h')]);
    expect(reasons(compiled, 'a')?.[0]).toBe('Accepted=False/UnknownRoot');
    expect(message(compiled, 'a', 'Accepted')).toBe(expected);
  });

  test('declared roots and the literal $$(roots.x) pass', () => {
    const spec = {
      roots: [{ name: 'data', emptyDir: {} }],
      source: { command: { command: 'x', args: ['$(roots.data)/sub', '$$(roots.nope)'] } },
    };
    expect(offered(run([server('a', spec), hub('h')]), 'h')).toEqual(['a']);
  });
});

describe('selection', () => {
  const objects = [
    server('a', {}, { labels: { team: 'docs', stage: 'dev' } }),
    server('b', {}, { labels: { team: 'web' } }),
    server('c'),
    server('far', {}, { namespace: 'far' }),
  ];
  const chosen = (servers: Record<string, unknown>) => offered(run([...objects, hub('h', { servers })]), 'h');
  const expressions = (...matchExpressions: unknown[]) => ({ selector: { matchExpressions } });

  test.each([
    ['absent selector selects none', {}, []],
    ['empty selector selects all of the namespace', { selector: {} }, ['a', 'b', 'c']],
    ['labels', { selector: { matchLabels: { team: 'docs' } } }, ['a']],
    ['all labels must match', { selector: { matchLabels: { team: 'docs', stage: 'test' } } }, []],
    ['In', expressions({ key: 'team', operator: 'In', values: ['docs', 'web'] }), ['a', 'b']],
    ['NotIn holds without the label', expressions({ key: 'team', operator: 'NotIn', values: ['docs'] }), ['b', 'c']],
    ['Exists', expressions({ key: 'stage', operator: 'Exists' }), ['a']],
    ['DoesNotExist', expressions({ key: 'team', operator: 'DoesNotExist' }), ['c']],
    ['names of Object.prototype are no labels', expressions({ key: 'constructor', operator: 'Exists' }), []],
    ['include adds', { selector: { matchLabels: { team: 'docs' } }, include: ['c'] }, ['a', 'c']],
    ['exclude wins', { selector: {}, include: ['b'], exclude: ['b'] }, ['a', 'c']],
  ])('%s', (_name, servers, expected) => {
    expect(chosen(servers)).toEqual(expected);
  });

  test('a hub without servers is legal', () => {
    expect(reasons(run([hub('h', { servers: {} })]), 'h')).toEqual([
      'Accepted=True/Accepted',
      'ResolvedRefs=True/ResolvedRefs',
      'Insecure=True/NoAuthentication',
    ]);
  });

  test('a server no hub selects says so', () => {
    const compiled = run([...objects, hub('h', { servers: { include: ['a'] } })]);
    expect(reasons(compiled, 'b')?.at(-1)).toBe('Programmed=False/NotSelected');
    expect(compiled.servers.find((one) => one.name === 'a')?.hubs).toEqual(['default/h']);
    expect(compiled.servers.find((one) => one.name === 'b')?.config?.name).toBe('b');
  });

  test('a name in include that does not exist is a condition; the hub serves the rest', () => {
    const compiled = run([...objects, hub('h', { servers: { include: ['zz', 'a', 'far'] } })]);
    expect(offered(compiled, 'h')).toEqual(['a']);
    expect(reasons(compiled, 'h')?.[1]).toBe('ResolvedRefs=False/ServerNotFound');
    expect(message(compiled, 'h', 'ResolvedRefs')).toBe('servers not found in this namespace: far, zz');
  });
});

describe('aliases', () => {
  const naming = (aliases: Record<string, unknown>, maxLength = 64) =>
    run([server('a'), hub('h', { naming: { aliases, maxLength } })]);
  const kept = (compiled: Compiled) => Object.keys(compiled.hubs[0]?.naming.aliases ?? {});

  test('a good one is kept', () => {
    expect(kept(naming({ find: { server: 'a', tool: 'search' } }))).toEqual(['find']);
  });

  test('one to a server that is not offered is left out', () => {
    const compiled = naming({ find: { server: 'b', tool: 'search' }, get: { server: 'a', tool: 'get' } });
    expect(kept(compiled)).toEqual(['get']);
    expect(message(compiled, 'h', 'ResolvedRefs')).toContain('find -> b');
  });

  test.each([
    ['two for one tool: neither wins', { x: { server: 'a', tool: 't' }, y: { server: 'a', tool: 't' } }, 64, 'x, y'],
    ['blanks', { 'x y': { server: 'a', tool: 't' } }, 64, 'x y'],
    ['longer than maxLength', { ['x'.repeat(17)]: { server: 'a', tool: 't' } }, 16, 'xxxxx'],
  ])('%s', (_name, aliases, maxLength, expected) => {
    const compiled = naming(aliases, maxLength);
    expect(kept(compiled)).toEqual([]);
    expect(message(compiled, 'h', 'Degraded')).toContain(expected);
  });
});

describe('defaults that depend on other fields', () => {
  const config = (spec: Record<string, unknown>, hubSpec: Record<string, unknown> = {}) =>
    run([server('a', spec), hub('h', hubSpec)]).hubs[0]?.servers[0];
  const command = { command: { command: 'x' } };
  const remote = { remote: { url: 'https://a.example/mcp' } };

  test('stdio servers are shared, HTTP servers serve clients apart', () => {
    expect(config({})).toMatchObject({ transport: 'stdio', instances: { mode: 'shared', max: 4 } });
    expect(config({ source: remote })).toMatchObject({
      transport: 'streamableHttp',
      instances: { mode: 'perClient', max: 1_000 },
    });
    expect(config({ source: command, http: { port: 80 } })).toMatchObject({
      transport: 'streamableHttp',
      http: { port: 80, path: '/mcp' },
      instances: { mode: 'perClient' },
    });
    expect(config({ instances: { mode: 'perClient' } })?.instances).toEqual({ mode: 'perClient', max: 4 });
  });

  test('HT-0.14 a WebSocket is told by its URL; other transports are named', () => {
    const live = { remote: { url: 'wss://a.example/socket' } };
    expect(config({ source: live })).toMatchObject({
      transport: 'websocket',
      instances: { mode: 'perClient', max: 1_000 },
    });
    expect(config({ source: command, http: { port: 80 }, transport: 'websocket' })?.transport).toBe('websocket');
    expect(config({ source: remote, transport: 'sse' })).toMatchObject({
      transport: 'sse',
      instances: { mode: 'perClient' },
    });
  });

  test('HT-0.13 what clients may speak is in the configuration only where it is more than usual', () => {
    const transports = (spec: Record<string, unknown>) => run([hub('h', spec)]).hubs[0]?.transports;
    expect(transports({})).toBeUndefined();
    expect(transports({ transports: { sse: false } })).toBeUndefined();
    expect(transports({ transports: { sse: true } })).toEqual({ sse: true, websocket: false });
    expect(transports({ transports: { websocket: true } })).toEqual({ sse: false, websocket: true });
  });

  test('call timeouts come from the hub unless the server has its own, and never contradict each other', () => {
    expect(config({}, { timeouts: { call: '5s', callMax: '10s' } })?.timeouts).toMatchObject({
      callMs: 5_000,
      callMaxMs: 10_000,
    });
    expect(config({ timeouts: { call: '1h' } })?.timeouts).toMatchObject({ callMs: 3_600_000, callMaxMs: 3_600_000 });
    expect(config({ timeouts: { callMax: '1s' } })?.timeouts).toMatchObject({ callMs: 1_000, callMaxMs: 1_000 });
    expect(config({ timeouts: { call: '2s', callMax: '3s' } })?.timeouts).toMatchObject({
      callMs: 2_000,
      callMaxMs: 3_000,
      startMs: 60_000,
      connectMs: 10_000,
    });
  });

  test('an empty section and an absent one mean the same', () => {
    expect(config({ tools: {}, health: {}, lifecycle: {}, instances: {}, timeouts: {} })).toEqual(config({}));
    const empty = { limits: {}, timeouts: {}, naming: {}, protocol: {} };
    expect(run([hub('h', empty)]).hubs).toEqual(run([hub('h')]).hubs);
  });

  test('HT-1.09 HT-1.11 resilience: a section that is not written has its defaults; what is written together is kept together', () => {
    expect(config({ resilience: {} })).toEqual(config({}));
    expect(config({ resilience: { retry: {}, circuitBreaker: {}, bulkhead: {} } })).toEqual(config({}));
    expect(config({})?.resilience).toEqual({
      retry: { attempts: 3, backoff: 'exponential', delayMs: 100, maxDelayMs: 2_000 },
      breaker: {
        windowMs: 30_000,
        minCalls: 20,
        failurePercent: 50,
        slowPercent: 90,
        openMs: 2_000,
        maxOpenMs: 20_000,
        probes: 3,
      },
      bulkhead: { queue: 100, queueMs: 10_000 },
    });
    const off = config({ resilience: { circuitBreaker: { enabled: false }, retry: { delay: '1s', perTry: '1s' } } });
    expect(off?.resilience?.breaker).toBeUndefined();
    expect(off?.resilience?.retry).toMatchObject({ delayMs: 1_000, maxDelayMs: 2_000, perTryMs: 1_000 });
    const slow = config({
      resilience: { circuitBreaker: { slowCall: '2s', openFor: '2m', maxOpenFor: '2m' }, bulkhead: { perTool: 2 } },
    });
    expect(slow?.resilience).toMatchObject({
      breaker: { slowMs: 2_000, openMs: 120_000, maxOpenMs: 120_000 },
      bulkhead: { perTool: 2 },
    });
  });

  test('HT-0.09 the idle time counts only where servers are stopped for it', () => {
    expect(config({ lifecycle: { start: 'onDemand', idleTimeout: '90s' } })?.lifecycle).toMatchObject({
      idleMs: 90_000,
    });
    expect(config({ lifecycle: { start: 'lazy', idleTimeout: '90s' } })?.lifecycle).not.toHaveProperty('idleMs');
    expect(config({ tools: { annotate: { a: { readOnlyHint: true } } } })?.tools.annotate).toEqual({
      a: { readOnlyHint: true },
    });
  });

  test('eras come in one order', () => {
    expect(run([hub('h', { protocol: { eras: ['legacy', 'modern'] } })]).hubs[0]?.eras).toEqual(['modern', 'legacy']);
    expect(run([hub('h', { protocol: { eras: ['legacy'] } })]).hubs[0]?.eras).toEqual(['legacy']);
  });
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

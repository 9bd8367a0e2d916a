import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ManifestObject } from '../manifest/index.ts';
import { canonicalJson, compile, contentHash, createCompileMemo } from './index.ts';
import type { CompileOptions } from './index.ts';

const apiVersion = 'quaymaster.dev/v1alpha1';
const server = (name: string, spec: Record<string, unknown> = {}, team = 'a'): ManifestObject => ({
  apiVersion,
  kind: 'McpServer',
  metadata: { name, namespace: 'n', labels: { team } },
  spec: { source: { npm: { package: 'x', version: '1.0.0' } }, ...spec },
});
const hub = (name: string, spec: Record<string, unknown> = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpHub',
  metadata: { name, namespace: 'n' },
  spec: { servers: { selector: { matchLabels: { team: 'a' } } }, auth: { mode: 'none' }, ...spec },
});
const secretEnv = { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] };

/** States an object may be in; `undefined`: it is not there. */
const states: readonly (readonly (ManifestObject | undefined)[])[] = [
  [undefined, server('one'), server('one', { replicas: 2 }), server('one', { nonsense: 1 }), server('one', {}, 'b')],
  [undefined, server('two', secretEnv), server('two', { env: [{ name: 'X', value: '$(roots.no)' }] })],
  [undefined, server('one', { replicas: 3 })],
  [hub('h'), hub('h', { servers: { include: ['one', 'none'] } }), hub('h', { auth: {} }), undefined],
  [undefined, hub('slow', { timeouts: { call: '5s', callMax: '9s' } })],
];
const keys: readonly CompileOptions[] = [
  { lookup: () => ['k'] },
  { lookup: () => [] },
  {},
  { unreadable: () => 'forbidden' },
];

describe('the memory of the compiler', () => {
  test('HT-0.06 whatever is edited in whatever order, the result is that of a compilation without it', () => {
    const step = fc.tuple(fc.tuple(...states.map((each) => fc.nat(each.length - 1))), fc.nat(keys.length - 1));
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 8 }), (steps) => {
        const memo = createCompileMemo();
        for (const [picks, source] of steps) {
          const objects = states.flatMap((each, index) => each[picks[index] ?? 0] ?? []);
          const options = keys[source] ?? {};
          expect(canonicalJson(compile(objects, { ...options, memo }))).toBe(canonicalJson(compile(objects, options)));
        }
      }),
      { numRuns: 150 },
    );
  });

  test('what did not change is the very same outcome, so a driver sees what did', () => {
    const memo = createCompileMemo();
    const [one, two, desk] = [server('one'), server('two'), hub('h')];
    const before = compile([one, two, desk, hub('other', { servers: { include: ['two'] } })], { memo });
    const after = compile(
      [server('one', { replicas: 2 }), two, desk, hub('other', { servers: { include: ['two'] } })],
      {
        memo,
      },
    );
    expect(after.servers.map((outcome, index) => outcome === before.servers[index])).toEqual([false, true]);
    const again = compile([one, two, desk], { memo });
    expect(again.servers[0]).toBe(before.servers[0]);
    // "two" is offered by one hub less.
    expect(again.servers[1]).not.toBe(before.servers[1]);
  });

  test('a hub whose servers did not change is the same, one whose servers did has the hash of its content', () => {
    const memo = createCompileMemo();
    const [desk, other] = [hub('h'), hub('other', { servers: { include: ['two'] } })];
    const before = compile([server('one'), server('two', {}, 'b'), desk, other], { memo });
    const objects = [server('one', { protocol: 'legacy' }), before.servers[1]?.object as ManifestObject, desk, other];
    const after = compile(objects, { memo });
    expect(after.hubOutcomes[1]).toBe(before.hubOutcomes[1]);
    const { hash, ...body } = after.hubs[0] ?? expect.unreachable();
    expect(hash).toBe(contentHash(body));
    expect(hash).not.toBe(before.hubs[0]?.hash);
  });

  test('an object that cannot be read is not "missing": the condition says why', () => {
    const { servers } = compile([server('two', secretEnv), hub('h')], { unreadable: () => 'secrets is forbidden' });
    const refs = servers[0]?.conditions.find((one) => one.type === 'ResolvedRefs');
    expect(refs).toMatchObject({ status: 'False', reason: 'ReferenceUnreadable' });
    expect(refs?.message).toContain('Secret "s" in namespace n cannot be read (spec.env[0]): secrets is forbidden');
  });
});

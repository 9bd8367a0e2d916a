/** What `kubectl wait`, Flux and Helm 4 make of our statuses: the rules of kstatus for kinds with the standard conditions, written out. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { compile } from '../compile/index.ts';
import type { Compiled } from '../compile/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { conditionTable } from '../conditions/index.ts';
import { loadValidator } from '../validate/index.ts';
import { hubStatus, serverStatus } from './index.ts';
import type { ServerObservation, ServerPhase } from './index.ts';

interface Status {
  readonly observedGeneration?: number | undefined;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[] | undefined;
}

function kstatus(generation: number, { observedGeneration, conditions = [] }: Status): string {
  if (observedGeneration !== generation) return 'InProgress';
  const is = (type: string, status: string) => conditions.some((each) => each.type === type && each.status === status);
  if (is('Reconciling', 'True')) return 'InProgress';
  if (is('Stalled', 'True')) return 'Failed';
  return is('Ready', 'True') ? 'Current' : 'InProgress';
}

const apiVersion = 'quaymaster.dev/v1alpha1';
const npm = { npm: { package: 'x', version: '1.0.0' } };
const manifest = (kind: string, name: string, spec: object): ManifestObject => ({
  apiVersion,
  kind,
  metadata: { name, generation: 4 },
  spec: spec as Record<string, unknown>,
});
let compiled: Compiled;
beforeAll(async () => {
  const validate = await loadValidator();
  compiled = compile(
    [
      manifest('McpServer', 'plain', { source: npm }),
      manifest('McpServer', 'needed', { source: npm, lifecycle: { required: true } }),
      manifest('McpServer', 'apart', { source: npm }),
      manifest('McpServer', 'broken', { x: 1 }),
      manifest('McpHub', 'desk', { servers: { selector: {}, exclude: ['apart'] }, auth: { mode: 'none' } }),
      manifest('McpHub', 'broken', { auth: {} }),
    ],
    { validate },
  );
});

const now = '2026-11-21T10:00:00Z';
const server = (name: string, observed?: ServerObservation) => {
  const outcome = compiled.servers.find((one) => one.name === name);
  if (outcome === undefined) throw new Error(name);
  return serverStatus({ now, outcome, ...(observed === undefined ? {} : { observed }) });
};
const hub = (name: string, replicas: readonly boolean[], phases: Readonly<Record<string, ServerPhase>>) => {
  const outcome = compiled.hubOutcomes.find((one) => one.name === name);
  if (outcome === undefined) throw new Error(name);
  const hash = outcome.config?.hash ?? '';
  return hubStatus({
    now,
    outcome,
    phases: new Map(outcome.config?.servers.map((one) => [one.key, phases[one.name] ?? 'Pending'])),
    replicas: replicas.map((runs) => ({ configHash: runs ? hash : 'other' })),
  });
};

test('HT-4.09 kstatus: servers', () => {
  const read = (name: string, observed?: ServerObservation) => kstatus(4, server(name, observed));
  expect(read('plain')).toBe('InProgress');
  expect(read('plain', { phase: 'Starting' })).toBe('InProgress');
  expect(read('plain', { phase: 'Ready' })).toBe('Current');
  expect(read('plain', { phase: 'Degraded', reason: 'ImagePullFailed' })).toBe('Failed');
  expect(read('plain', { phase: 'Degraded', reason: 'Unreachable' })).toBe('InProgress');
  expect(read('broken')).toBe('Failed');
  // Not wanted by any hub: waiting for it waits until one does.
  expect(read('apart')).toBe('InProgress');
  // A newer manifest than the status was made from.
  expect(kstatus(5, server('plain', { phase: 'Ready' }))).toBe('InProgress');
});

test('HT-4.09 kstatus: hubs', () => {
  const up = { plain: 'Ready', needed: 'Ready' } as const;
  const read = (...of: Parameters<typeof hub>) => kstatus(4, hub(...of));
  expect(read('desk', [], {})).toBe('InProgress');
  expect(read('desk', [true, true], up)).toBe('Current');
  expect(read('desk', [true, false], up)).toBe('InProgress');
  expect(read('desk', [true], { plain: 'Ready', needed: 'Starting' })).toBe('InProgress');
  // It serves the others; that one of them does not answer is told by Degraded.
  expect(read('desk', [true], { plain: 'Degraded', needed: 'Ready' })).toBe('Current');
  expect(read('broken', [], {})).toBe('Failed');
});

test('HT-4.09 kstatus: whatever is observed, Ready is there, and Reconciling and Stalled are never both true', () => {
  const phases: ServerPhase[] = ['Pending', 'Starting', 'Ready', 'Degraded', 'Draining', 'Stopped'];
  const phase = fc.constantFrom(...phases);
  const reason = fc.constantFrom(undefined, ...Object.keys(conditionTable));
  const check = (status: Status) => {
    const types = (status.conditions ?? []).map((each) => each.type);
    expect(new Set(types).size).toBe(types.length);
    expect(types).toEqual(expect.arrayContaining(['Ready', 'Reconciling', 'Stalled']));
    const both = (status.conditions ?? []).filter(
      (each) => ['Reconciling', 'Stalled'].includes(each.type) && each.status === 'True',
    );
    expect(both.length).toBeLessThan(2);
    expect(status.observedGeneration).toBe(4);
  };
  fc.assert(
    fc.property(phase, reason, fc.constantFrom('plain', 'broken', 'apart'), (one, why, name) => {
      check(server(name, { phase: one, ...(why === undefined ? {} : { reason: why }) }));
    }),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 3 }), phase, phase, (replicas, plain, needed) => {
      check(hub('desk', replicas, { plain, needed }));
    }),
    { numRuns: 100 },
  );
});

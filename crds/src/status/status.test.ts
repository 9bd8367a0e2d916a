import { beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../compile/index.ts';
import type { Compiled, HubOutcome, ServerOutcome } from '../compile/index.ts';
import { draft } from '../conditions/index.ts';
import type { Condition } from '../conditions/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { schemaFor } from '../structural/index.ts';
import { checkStructure, loadValidator } from '../validate/index.ts';
import type { Validator } from '../validate/index.ts';
import { hubStatus, serverStatus } from './index.ts';
import type { HubStatusInput, ServerObservation, ServerPhase } from './index.ts';

const apiVersion = 'quaymaster.dev/v1alpha1';
const server = (name: string, spec: Record<string, unknown> = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpServer',
  metadata: { name, generation: 7 },
  spec: { source: { npm: { package: 'x', version: '1.0.0' } }, ...spec },
});
const hub = (name: string, spec: Record<string, unknown> = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpHub',
  metadata: { name, generation: 3 },
  spec: { servers: { selector: {} }, auth: { mode: 'none' }, ...spec },
});

let validate: Validator;
let compiled: Compiled;
beforeAll(async () => {
  validate = await loadValidator();
  compiled = compile(
    [
      server('plain'),
      server('needed', { lifecycle: { required: true } }),
      server('lazy', { lifecycle: { start: 'lazy' } }),
      server('broken', { x: 1 }),
      server('apart'),
      hub('h', { servers: { selector: {}, exclude: ['apart'] } }),
      hub('bad', { auth: {} }),
    ],
    { validate },
  );
});

const outcome = (name: string) => compiled.servers.find((one) => one.name === name) as ServerOutcome;
const hubOutcome = (name: string) => compiled.hubOutcomes.find((one) => one.name === name) as HubOutcome;
const short = (conditions: readonly Condition[] | undefined) =>
  Object.fromEntries((conditions ?? []).map((one) => [one.type, `${one.status}/${one.reason}`]));
const of = (name: string, observed?: ServerObservation) =>
  serverStatus({ now: 't', outcome: outcome(name), ...(observed === undefined ? {} : { observed }) });

describe('server', () => {
  test.each<[ServerPhase, string | undefined, Record<string, string>]>([
    [
      'Pending',
      undefined,
      { Ready: 'False/Pending', Reconciling: 'True/Pending', Stalled: 'False/Settled', Degraded: 'False/Healthy' },
    ],
    [
      'Starting',
      undefined,
      { Ready: 'False/Starting', Reconciling: 'True/Starting', Stalled: 'False/Settled', Degraded: 'False/Healthy' },
    ],
    [
      'Ready',
      undefined,
      { Ready: 'True/Ready', Reconciling: 'False/Settled', Stalled: 'False/Settled', Degraded: 'False/Healthy' },
    ],
    [
      'Degraded',
      undefined,
      {
        Ready: 'False/HealthCheckFailed',
        Reconciling: 'False/Settled',
        Stalled: 'False/Settled',
        Degraded: 'True/HealthCheckFailed',
      },
    ],
    [
      'Degraded',
      'CrashLoop',
      { Ready: 'False/CrashLoop', Reconciling: 'False/Settled', Stalled: 'True/CrashLoop', Degraded: 'True/CrashLoop' },
    ],
    [
      'Starting',
      'CrashLoop',
      { Ready: 'False/CrashLoop', Reconciling: 'False/Settled', Stalled: 'True/CrashLoop', Degraded: 'False/Healthy' },
    ],
    [
      'Draining',
      undefined,
      { Ready: 'False/Draining', Reconciling: 'True/Draining', Stalled: 'False/Settled', Degraded: 'False/Healthy' },
    ],
    [
      'Stopped',
      'Unsupported',
      {
        Ready: 'False/Unsupported',
        Reconciling: 'False/Settled',
        Stalled: 'True/Unsupported',
        Degraded: 'False/Healthy',
      },
    ],
    [
      'Degraded',
      'SomethingNew',
      {
        Ready: 'False/SomethingNew',
        Reconciling: 'False/Settled',
        Stalled: 'False/Settled',
        Degraded: 'True/SomethingNew',
      },
    ],
  ])('%s %s', (phase, reason, expected) => {
    const status = of('plain', { phase, ...(reason === undefined ? {} : { reason }) });
    expect(short(status.conditions)).toEqual({
      Accepted: 'True/Accepted',
      ResolvedRefs: 'True/ResolvedRefs',
      Programmed: 'True/Programmed',
      ...expected,
    });
    expect(status.phase).toBe(phase);
    expect(status.observedGeneration).toBe(7);
  });

  test('HT-0.09 one that sleeps since nobody called it is where it should be: ready, and nothing is under way', () => {
    const { conditions } = of('plain', {
      phase: 'Pending',
      reason: 'Asleep',
      message: 'stopped since nobody called it',
    });
    expect(short(conditions)).toMatchObject({
      Ready: 'True/Asleep',
      Reconciling: 'False/Settled',
      Stalled: 'False/Settled',
      Degraded: 'False/Healthy',
    });
  });

  test.each([
    [{ state: 'open' }, 'True/CircuitOpen'],
    [{ state: 'halfOpen', tools: ['a'] }, 'True/CircuitOpen'],
    [{ state: 'closed', tools: ['a', 'b'] }, 'True/ToolCircuitOpen'],
    [{ state: 'closed', tools: [] }, 'False/Healthy'],
  ] as const)('HT-1.09 circuit %j: Degraded is %s, and it is ready', (circuit, expected) => {
    const status = of('plain', { phase: 'Ready', circuit });
    expect(short(status.conditions)).toMatchObject({ Ready: 'True/Ready', Degraded: expected });
    expect(status.circuit).toEqual(circuit);
  });

  test('the message of the driver stands, with the next step of the table', () => {
    const ready = of('plain', { phase: 'Degraded', reason: 'StartFailed', message: 'exit code 127' }).conditions?.find(
      (one) => one.type === 'Ready',
    );
    expect(ready?.message).toBe('exit code 127; read the message and the log of the server');
  });

  test('a message that already says what to do stays alone', () => {
    const message = 'there is no such package; correct the name';
    const ready = of('plain', { phase: 'Degraded', reason: 'PackageNotFound', message }).conditions?.find(
      (one) => one.type === 'Ready',
    );
    expect(ready).toMatchObject({ reason: 'PackageNotFound', message });
  });

  test('a refused one is stalled with the reason of the refusal', () => {
    const status = of('broken');
    expect(short(status.conditions)).toEqual({
      Accepted: 'False/Invalid',
      Programmed: 'False/NotProgrammed',
      Ready: 'False/Invalid',
      Reconciling: 'False/Settled',
      Stalled: 'True/Invalid',
    });
    expect(status.phase).toBe('Stopped');
  });

  test('one that no hub selects rests, and is not stalled', () => {
    expect(short(of('apart').conditions)).toMatchObject({
      Programmed: 'False/NotSelected',
      Ready: 'False/NotSelected',
      Stalled: 'False/Settled',
    });
  });

  test('a refused one that still drains shows its phase', () => {
    expect(of('broken', { phase: 'Draining' }).phase).toBe('Draining');
  });

  test.each([
    [
      'ImagePullFailed',
      { Stalled: 'True/ImagePullFailed', Reconciling: 'False/Settled', Degraded: 'True/ImagePullFailed' },
    ],
    ['RollingOut', { Stalled: 'False/Settled', Reconciling: 'True/RollingOut', Degraded: 'False/Healthy' }],
    ['Unschedulable', { Stalled: 'False/Settled', Reconciling: 'True/Unschedulable', Degraded: 'True/Unschedulable' }],
    ['NoSuchReason', { Stalled: 'False/Settled', Reconciling: 'False/Settled', Degraded: 'False/Healthy' }],
  ])('EF-55 what serves while its newest declaration does not come up is Ready and says so: %s', (reason, expected) => {
    const held = { reason, message: 'Pod x' };
    const status = serverStatus({ now: 't', outcome: outcome('plain'), observed: { phase: 'Ready' }, held });
    expect(short(status.conditions)).toMatchObject({ Ready: 'True/Ready', ...expected });
    // Only of what is ready: otherwise the phase has a reason of its own.
    const starting = serverStatus({ now: 't', outcome: outcome('plain'), observed: { phase: 'Starting' }, held });
    expect(short(starting.conditions)).toMatchObject({ Ready: 'False/Starting', Degraded: 'False/Healthy' });
  });

  test('what only the driver knows wins', () => {
    const status = serverStatus({
      now: 't',
      outcome: outcome('plain'),
      observed: { phase: 'Ready' },
      also: [draft('Programmed', 'NotAcknowledged', { acknowledged: 0, total: 2, hash: 'h' })],
    });
    expect(short(status.conditions)).toMatchObject({ Programmed: 'False/NotAcknowledged', Ready: 'True/Ready' });
  });

  test('not yet observed means Pending', () => {
    expect(of('plain').phase).toBe('Pending');
  });

  test('facts are carried over, a long error is cut, and all fits the CRD', () => {
    const status = of('plain', {
      phase: 'Ready',
      serverInfo: { name: 'x', version: '1' },
      protocolVersion: '2025-11-25',
      era: 'legacy',
      counts: { tools: 9, resources: null, resourceTemplates: 0, prompts: 1 },
      toolsHash: 'abc',
      pid: 12,
      restarts: 0,
      lock: { hash: 'h' },
      lastError: { code: 'QM_X', message: 'm'.repeat(9_000) },
      replicas: 1,
      selector: 'a=b',
    });
    expect(status.lastError?.message).toHaveLength(4_096);
    expect(status).toMatchObject({ counts: { tools: 9, resources: null }, pid: 12, lock: { hash: 'h' }, replicas: 1 });
    expect(status).not.toHaveProperty('reason');
    expect(
      checkStructure(schemaFor('McpServer')?.properties?.['status'] ?? { type: 'string' }, status, 'status'),
    ).toEqual([]);
  });

  test('without a generation none is claimed', () => {
    const bare = compile([{ ...server('plain'), metadata: { name: 'plain' } }], { validate })
      .servers[0] as ServerOutcome;
    expect(serverStatus({ now: 't', outcome: bare })).not.toHaveProperty('observedGeneration');
  });
});

describe('hub', () => {
  const hash = () => hubOutcome('h').config?.hash ?? '';
  const phases = (more: Record<string, ServerPhase> = {}) =>
    new Map<string, ServerPhase>(
      Object.entries({ 'default/plain': 'Ready', 'default/needed': 'Ready', 'default/lazy': 'Ready', ...more }),
    );
  const status = (more: Partial<HubStatusInput> = {}) =>
    hubStatus({ now: 't', outcome: hubOutcome('h'), phases: phases(), replicas: [{ configHash: hash() }], ...more });

  test('all well; the refused server counts among the selected', () => {
    const full = status({ address: 'http://127.0.0.1:7575/mcp', tools: 12, selector: 'a=b' });
    expect(full).toMatchObject({
      servers: { total: 4, ready: 3, summary: '3/4' },
      tools: 12,
      configHash: hash(),
      observedConfig: '1/1 at generation 3',
      replicas: 1,
      observedGeneration: 3,
    });
    expect(short(full.conditions)).toEqual({
      Accepted: 'True/Accepted',
      ResolvedRefs: 'False/ServerRefused',
      Programmed: 'True/Programmed',
      Ready: 'True/Ready',
      Reconciling: 'False/Settled',
      Stalled: 'False/Settled',
      Degraded: 'False/Healthy',
      Insecure: 'True/NoAuthentication',
    });
    expect(checkStructure(schemaFor('McpHub')?.properties?.['status'] ?? { type: 'string' }, full, 'status')).toEqual(
      [],
    );
  });

  test('not every replica runs the configuration', () => {
    const mixed = status({ replicas: [{ configHash: hash() }, { configHash: 'old' }], configGeneration: 42 });
    expect(mixed.observedConfig).toBe('1/2 at generation 42');
    expect(short(mixed.conditions)).toMatchObject({
      Programmed: 'False/NotAcknowledged',
      Ready: 'False/NotAcknowledged',
      Reconciling: 'True/Progressing',
    });
    expect(short(status({ replicas: [] }).conditions)).toMatchObject({ Programmed: 'False/NotAcknowledged' });
  });

  test('a dead server degrades the hub, which stays ready', () => {
    const hurt = status({ phases: phases({ 'default/plain': 'Degraded' }) });
    expect(short(hurt.conditions)).toMatchObject({
      Ready: 'True/Ready',
      Degraded: 'True/ServersNotReady',
      Reconciling: 'False/Settled',
    });
    expect(hurt.conditions?.find((one) => one.type === 'Degraded')?.message).toContain('servers not ready: plain');
  });

  test('HT-0.06 what could not be offered is a condition, at most 20 of it by name', () => {
    const collisions = Array.from({ length: 25 }, (_, index) => ({
      reason: 'NameCollision',
      message: `tool t${index}`,
    }));
    const degraded = status({ problems: collisions }).conditions?.find((one) => one.type === 'Degraded');
    expect(degraded).toMatchObject({ status: 'True', reason: 'NameCollision' });
    expect(degraded?.message).toMatch(/^tool t0 \| .*tool t19 \| and 5 more; rename one/);
    expect(short(status({ problems: [{ reason: 'Odd', message: 'm' }] }).conditions)).toMatchObject({
      Degraded: 'True/Odd',
      Ready: 'True/Ready',
    });
  });

  test('servers that are down do not hide what could not be offered', () => {
    const both = status({
      phases: phases({ 'default/plain': 'Degraded' }),
      problems: [{ reason: 'InvalidTool', message: 'tool x has no name' }],
    }).conditions?.find((one) => one.type === 'Degraded');
    expect(both).toMatchObject({ reason: 'ServersNotReady' });
    expect(both?.message).toBe('servers not ready: plain | tool x has no name; see the status of these servers');
  });

  test('EF-31 only a required server takes readiness away', () => {
    expect(short(status({ phases: phases({ 'default/needed': 'Stopped' }) }).conditions)).toMatchObject({
      Ready: 'False/RequiredServersNotReady',
      Degraded: 'True/ServersNotReady',
    });
  });

  test('starting servers are work under way, not a fault; a waiting lazy one is neither', () => {
    expect(short(status({ phases: phases({ 'default/plain': 'Starting' }) }).conditions)).toMatchObject({
      Ready: 'True/Ready',
      Reconciling: 'True/Progressing',
      Degraded: 'False/Healthy',
    });
    expect(short(status({ phases: phases({ 'default/lazy': 'Pending' }) }).conditions)).toMatchObject({
      Reconciling: 'False/Settled',
      Degraded: 'False/Healthy',
    });
    expect(short(status({ phases: new Map() }).conditions)).toMatchObject({ Reconciling: 'True/Progressing' });
  });

  test('a refused hub is stalled and claims no address', () => {
    const refused = hubStatus({
      now: 't',
      outcome: hubOutcome('bad'),
      phases: new Map(),
      replicas: [],
      address: 'http://x',
    });
    expect(refused).not.toHaveProperty('address');
    expect(refused).not.toHaveProperty('configHash');
    expect(short(refused.conditions)).toEqual({
      Accepted: 'False/Invalid',
      Programmed: 'False/NotProgrammed',
      Ready: 'False/Invalid',
      Reconciling: 'False/Settled',
      Stalled: 'True/Invalid',
    });
  });

  test('many names are shortened', () => {
    const many = compile([...Array.from({ length: 30 }, (_, index) => server(`s${index}`)), hub('h')], { validate });
    const phasesOfAll = new Map(many.servers.map((one) => [one.key, 'Stopped' as const]));
    const big = hubStatus({ now: 't', outcome: many.hubOutcomes[0] as HubOutcome, phases: phasesOfAll, replicas: [] });
    expect(big.conditions?.find((one) => one.type === 'Degraded')?.message).toContain('and 10 more');
  });

  test('a replica that takes no calls yet holds Programmed back, not Ready; with nobody else, both', () => {
    const hash = hubOutcome('h').config?.hash ?? '';
    const phases = new Map<string, ServerPhase>();
    const some = hubStatus({
      now: 't',
      outcome: hubOutcome('h'),
      phases: new Map(hubOutcome('h').config?.servers.map((each) => [each.key, 'Ready'])),
      replicas: [{ configHash: hash }, { configHash: '', serving: false }],
    });
    expect(short(some.conditions)).toMatchObject({
      Programmed: 'False/NotAcknowledged',
      Ready: 'True/Ready',
      Reconciling: 'True/Progressing',
    });
    expect(some.observedConfig).toBe('1/2 at generation 3');
    const alone = [{ configHash: hash, serving: false }];
    const none = hubStatus({ now: 't', outcome: hubOutcome('h'), phases, replicas: alone });
    expect(short(none.conditions)['Ready']).toBe('False/NotServing');
  });

  test('EF-57 what only the driver knows wins', () => {
    const status = hubStatus({
      now: 't',
      outcome: hubOutcome('h'),
      phases: new Map(),
      replicas: [],
      observed: [draft('Accepted', 'ConfigTooLarge', { servers: 900, limit: '900 KiB' })],
    });
    expect(short(status.conditions)['Accepted']).toBe('False/ConfigTooLarge');
  });

  test('nothing changed, nothing to write: times stay', () => {
    const first = status();
    const second = hubStatus({
      now: 'later',
      outcome: hubOutcome('h'),
      phases: phases(),
      replicas: [{ configHash: hash() }],
      previous: first.conditions ?? [],
    });
    expect(second).toEqual(first);
  });
});

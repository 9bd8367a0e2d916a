import { beforeAll, describe, expect, test } from 'vitest';

import { compile } from '../compile/index.ts';
import type { ServerOutcome } from '../compile/index.ts';
import { draft } from '../conditions/index.ts';
import { schemaFor } from '../structural/index.ts';
import { checkStructure } from '../validate/index.ts';
import { serverStatus } from './index.ts';
import type { ServerObservation, ServerPhase } from './index.ts';
import { compiledOutcomes, type Outcomes, server, short } from './status.fixture.ts';

let outcomes: Outcomes;
beforeAll(async () => {
  outcomes = await compiledOutcomes();
});

const of = (name: string, observed?: ServerObservation) =>
  serverStatus({ now: 't', outcome: outcomes.server(name), ...(observed === undefined ? {} : { observed }) });

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
    const status = serverStatus({ now: 't', outcome: outcomes.server('plain'), observed: { phase: 'Ready' }, held });
    expect(short(status.conditions)).toMatchObject({ Ready: 'True/Ready', ...expected });
    // Only of what is ready: otherwise the phase has a reason of its own.
    const starting = serverStatus({
      now: 't',
      outcome: outcomes.server('plain'),
      observed: { phase: 'Starting' },
      held,
    });
    expect(short(starting.conditions)).toMatchObject({ Ready: 'False/Starting', Degraded: 'False/Healthy' });
  });

  test('what only the driver knows wins', () => {
    const status = serverStatus({
      now: 't',
      outcome: outcomes.server('plain'),
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
    const bare = compile([{ ...server('plain'), metadata: { name: 'plain' } }], { validate: outcomes.validate })
      .servers[0] as ServerOutcome;
    expect(serverStatus({ now: 't', outcome: bare })).not.toHaveProperty('observedGeneration');
  });
});

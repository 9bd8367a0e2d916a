import { beforeAll, describe, expect, test } from 'vitest';

import { compile } from '../compile/index.ts';
import type { HubOutcome } from '../compile/index.ts';
import { draft } from '../conditions/index.ts';
import { schemaFor } from '../structural/index.ts';
import { checkStructure } from '../validate/index.ts';
import { hubStatus } from './index.ts';
import type { HubStatusInput, ServerPhase } from './index.ts';
import { compiledOutcomes, hub, type Outcomes, server, short } from './status.fixture.ts';

let outcomes: Outcomes;
beforeAll(async () => {
  outcomes = await compiledOutcomes();
});

describe('hub', () => {
  const hash = () => outcomes.hub('h').config?.hash ?? '';
  const phases = (more: Record<string, ServerPhase> = {}) =>
    new Map<string, ServerPhase>(
      Object.entries({ 'default/plain': 'Ready', 'default/needed': 'Ready', 'default/lazy': 'Ready', ...more }),
    );
  const status = (more: Partial<HubStatusInput> = {}) =>
    hubStatus({ now: 't', outcome: outcomes.hub('h'), phases: phases(), replicas: [{ configHash: hash() }], ...more });

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
    const refused = status({ outcome: outcomes.hub('bad'), phases: new Map(), replicas: [], address: 'http://x' });
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
    const many = compile([...Array.from({ length: 30 }, (_, index) => server(`s${index}`)), hub('h')], {
      validate: outcomes.validate,
    });
    const phasesOfAll = new Map(many.servers.map((one) => [one.key, 'Stopped' as const]));
    const big = hubStatus({ now: 't', outcome: many.hubOutcomes[0] as HubOutcome, phases: phasesOfAll, replicas: [] });
    expect(big.conditions?.find((one) => one.type === 'Degraded')?.message).toContain('and 10 more');
  });

  test('a replica that takes no calls yet holds Programmed back, not Ready; with nobody else, both', () => {
    const some = status({
      phases: new Map(outcomes.hub('h').config?.servers.map((each) => [each.key, 'Ready'])),
      replicas: [{ configHash: hash() }, { configHash: '', serving: false }],
    });
    expect(short(some.conditions)).toMatchObject({
      Programmed: 'False/NotAcknowledged',
      Ready: 'True/Ready',
      Reconciling: 'True/Progressing',
    });
    expect(some.observedConfig).toBe('1/2 at generation 3');
    const none = status({ phases: new Map(), replicas: [{ configHash: hash(), serving: false }] });
    expect(short(none.conditions)['Ready']).toBe('False/NotServing');
  });

  test('EF-57 what only the driver knows wins', () => {
    const observed = [draft('Accepted', 'ConfigTooLarge', { servers: 900, limit: '900 KiB' })];
    const refused = status({ phases: new Map(), replicas: [], observed });
    expect(short(refused.conditions)['Accepted']).toBe('False/ConfigTooLarge');
  });

  test('nothing changed, nothing to write: times stay', () => {
    const first = status();
    const second = status({ now: 'later', previous: first.conditions ?? [] });
    expect(second).toEqual(first);
  });
});

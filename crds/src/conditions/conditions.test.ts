import { describe, expect, test } from 'vitest';
import { clusterReasons } from './cluster-reasons.ts';
import { connectionReasons } from './connection-reasons.ts';
import { declaredReasons } from './declared-reasons.ts';
import { conditionTable, conditionTypes, draft, findReason, sentence, stamp } from './index.ts';
import type { Condition, ConditionRow } from './index.ts';
import { lifeReasons } from './life-reasons.ts';
import { listReasons } from './list-reasons.ts';
import { packageReasons } from './package-reasons.ts';

const rows = Object.entries<ConditionRow>(conditionTable);

describe('the table', () => {
  test('reasons are CamelCase and sorted', () => {
    const reasons = rows.map(([reason]) => reason);
    expect(reasons.filter((reason) => !/^[A-Z][A-Za-z]+$/.test(reason))).toEqual([]);
    const parts = [declaredReasons, packageReasons, lifeReasons, clusterReasons, connectionReasons, listReasons].map(
      (part) => Object.keys(part),
    );
    for (const part of parts) expect(part).toEqual(part.toSorted());
    // No reason stands in two parts, and no part is left out.
    expect(reasons).toHaveLength(parts.flat().length);
  });

  test('reasons are API: this list may only grow', () => {
    expect(rows.map(([reason]) => reason)).toEqual(
      expect.arrayContaining([
        'Accepted',
        'AliasRefused',
        'AliasTargetNotFound',
        'BinNotFound',
        'CacheNotWritable',
        'CommandNotExecutable',
        'CommandNotFound',
        'ConfigMapKeyNotFound',
        'ConfigMapNotFound',
        'CrashLoop',
        'CredentialsRefused',
        'DependencyConflict',
        'DiskFull',
        'Draining',
        'DuplicateName',
        'Exited',
        'HandshakeFailed',
        'HealthCheckFailed',
        'Healthy',
        'InstallFailed',
        'IntegrityMismatch',
        'Invalid',
        'InvalidHeaderAnnotation',
        'InvalidItem',
        'InvalidTool',
        'NameCollision',
        'NoAuthentication',
        'NoEndpoints',
        'NoWheel',
        'NotAcknowledged',
        'NotProgrammed',
        'NotSelected',
        'PackageNotFound',
        'Pending',
        'PortInUse',
        'Programmed',
        'Progressing',
        'Ready',
        'RegistryDenied',
        'RegistryUnreachable',
        'RequiredServersNotReady',
        'ResolvedRefs',
        'RootNotFound',
        'RuntimeMissing',
        'SecretInvalid',
        'SecretKeyNotFound',
        'SecretNotFound',
        'ServerNotFound',
        'ServerRefused',
        'ServersNotReady',
        'Settled',
        'SpawnFailed',
        'StartFailed',
        'StartTimeout',
        'Starting',
        'Stopped',
        'TooMany',
        'TooManyProcesses',
        'TransportUnsupported',
        'UnknownKind',
        'UnknownRoot',
        'UnknownTool',
        'Unreachable',
        'Unsupported',
        'UnsupportedProtocolVersion',
        'UriCollision',
        'VersionNotFound',
        'WorkingDirectoryNotFound',
      ]),
    );
  });

  test.each(rows)('%s says something, and every error says what to do', (_reason, row) => {
    const detail = new Proxy({}, { get: (_target, name) => `<${String(name)}>` });
    expect(row.say(detail).length).toBeGreaterThan(3);
    expect(row.say(detail)).not.toContain('undefined');
    expect(row.meaning).toMatch(/\.$/);
    expect(row.next === '' || !row.next.endsWith('.')).toBe(true);
    if (row.severity === 'error') expect(row.next).not.toBe('');
  });
});

test('a draft takes status and severity from the table', () => {
  expect(draft('Accepted', 'DuplicateName', { count: 2, places: 'a.yaml, b.yaml' })).toEqual({
    type: 'Accepted',
    status: 'False',
    reason: 'DuplicateName',
    message: 'declared 2 times: a.yaml, b.yaml',
    next: 'rename or remove all but one',
    severity: 'error',
  });
});

test('reasons from outside are looked up safely', () => {
  expect(findReason('CrashLoop')?.on.Stalled).toBe('True');
  expect(findReason('constructor')).toBeUndefined();
});

test('message and next step make one sentence of bounded length', () => {
  expect(sentence({ message: 'a', next: 'b' })).toBe('a; b');
  expect(sentence({ message: 'a', next: '' })).toBe('a');
  expect(sentence({ message: 'x'.repeat(40_000), next: '' })).toHaveLength(32_768);
});

describe('stamp', () => {
  const first = stamp({
    drafts: [draft('Ready', 'Starting'), draft('Accepted', 'Accepted')],
    previous: [],
    now: 't1',
    generation: 4,
  });

  test('gives the fixed order, the generation and the time', () => {
    expect(
      first.map((condition) => [
        condition.type,
        condition.status,
        condition.lastTransitionTime,
        condition.observedGeneration,
      ]),
    ).toEqual([
      ['Accepted', 'True', 't1', 4],
      ['Ready', 'False', 't1', 4],
    ]);
  });

  test('keeps the time while only the reason changes, moves it when the status does', () => {
    const ready = (conditions: Condition[]) => conditions.find((condition) => condition.type === 'Ready');
    const second = stamp({ drafts: [draft('Ready', 'CrashLoop')], previous: first, now: 't2' });
    expect(ready(second)).toMatchObject({ reason: 'CrashLoop', lastTransitionTime: 't1' });
    expect(ready(stamp({ drafts: [draft('Ready', 'Ready')], previous: second, now: 't3' }))).toMatchObject({
      status: 'True',
      lastTransitionTime: 't3',
    });
  });

  test('the last draft of a type wins', () => {
    const out = stamp({
      drafts: [draft('Degraded', 'Healthy'), draft('Degraded', 'ServersNotReady', { servers: 'a' })],
      previous: [],
      now: 't',
    });
    expect(out).toHaveLength(1);
    expect(out[0]).toMatchObject({ type: 'Degraded', status: 'True' });
  });

  test('an unchanged state gives an equal result, so nothing is written', () => {
    const again = stamp({
      drafts: [draft('Ready', 'Starting'), draft('Accepted', 'Accepted')],
      previous: first,
      now: 't9',
      generation: 4,
    });
    expect(again).toEqual(first);
    expect(conditionTypes).toHaveLength(8);
  });
});

import type { ReportMessage, ServerPhase } from '@quaymaster/crds';
import { describe, expect, test } from 'vitest';

import type { HubReplica } from '../control/index.ts';
import type { Pod } from '../world/index.ts';
import { type LastWord, offerOf, patienceMs, phasesOf, replicaFacts } from './replicas.ts';

const pod = (name: string, over: object = {}, metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: `u-${name}`, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], ...over },
});
const report = (phases: Readonly<Record<string, string>> = {}, over: Partial<ReportMessage> = {}): ReportMessage => ({
  type: 'report',
  load: { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0 },
  catalogHash: '',
  tools: 3,
  problems: [],
  servers: Object.fromEntries(
    Object.entries(phases).map(([key, phase]) => [
      key,
      { observed: { phase: phase as ServerPhase }, inFlight: 0, waiting: 0 },
    ]),
  ),
  ...over,
});
const stream = (name: string, over: Partial<HubReplica> = {}): HubReplica => ({
  pod: { name, uid: `u-${name}`, ip: '' },
  version: '1',
  acknowledged: { hash: 'h', generation: 1 },
  report: report({ a: 'Ready' }),
  connectedSince: 0,
  ...over,
});
const long = 1e6;

describe('replicas', () => {
  test('the oldest first; those that end or have ended are none', () => {
    const pods = [
      pod('young', {}, { creationTimestamp: '2026-01-02T00:00:00Z' }),
      pod('b'),
      pod('a'),
      pod('ending', {}, { deletionTimestamp: 'now' }),
      pod('failed', { phase: 'Failed' }),
    ];
    expect(replicaFacts(pods, [], new Map(), long, 0).pods.map((each) => each.metadata.name)).toEqual([
      'a',
      'b',
      'young',
    ]);
  });

  test('a stream that broke a moment ago: its last word counts, and nothing is certain', () => {
    const memory = new Map<string, LastWord>();
    expect(replicaFacts([pod('a')], [stream('a')], memory, long, 0)).toMatchObject({ uncertain: false });
    const soon = replicaFacts([pod('a')], [], memory, long + patienceMs - 1, 0);
    expect(soon).toMatchObject({ uncertain: true, replicas: [{ hash: 'h', connected: false }] });
    expect(soon.replicas[0]?.report?.tools).toBe(3);
    const later = replicaFacts([pod('a')], [], memory, long + patienceMs, 0);
    expect(later).toMatchObject({ uncertain: false, replicas: [{ hash: '', report: undefined }] });
    // What does not serve makes nothing uncertain.
    replicaFacts([pod('a')], [stream('a')], memory, long, 0);
    const idle = pod('a', { conditions: [{ type: 'Ready', status: 'False' }] });
    expect(replicaFacts([idle], [], memory, long + 1, 0)).toMatchObject({ uncertain: false });
    replicaFacts([], [], memory, long, 0);
    expect(memory.size).toBe(0);
  });

  test('a new stream without a report: the one before counts for a while', () => {
    const memory = new Map<string, LastWord>();
    replicaFacts([pod('a')], [stream('a')], memory, long, 0);
    const { report: _none, ...silent } = stream('a', { connectedSince: long });
    expect(replicaFacts([pod('a')], [silent], memory, long + 1, 0)).toMatchObject({
      uncertain: false,
      replicas: [{ report: { tools: 3 } }],
    });
    expect(replicaFacts([pod('a')], [silent], new Map(), long + 1, 0).uncertain).toBe(true);
    expect(replicaFacts([pod('a')], [silent], new Map(), long + patienceMs, 0).uncertain).toBe(false);
  });

  test('a new leader knows nothing yet of those that serve', () => {
    expect(replicaFacts([pod('a')], [], new Map(), 5000, 0).uncertain).toBe(true);
    expect(replicaFacts([pod('a')], [], new Map(), patienceMs, 0).uncertain).toBe(false);
    expect(replicaFacts([], [], new Map(), 5000, 0).uncertain).toBe(false);
  });
});

describe('what they see', () => {
  const facts = (streams: readonly HubReplica[], ready: readonly boolean[] = []) =>
    replicaFacts(
      streams.map(({ pod: { name } }, i) => pod(name, ready[i] === false ? { conditions: [] } : {})),
      streams,
      new Map(),
      long,
      0,
    ).replicas;

  test.each([
    [['Ready', 'Starting'], 'Ready'],
    [['Ready', 'Degraded'], 'Degraded'],
    [['Starting', 'Pending'], 'Starting'],
    [['Draining', 'Stopped'], 'Draining'],
    [['Hibernating', 'Stopped'], 'Stopped'],
  ])('%j is %s', (phases, expected) => {
    const seen = phases.map((phase, i) => stream(`p${i}`, { report: report({ a: phase }) }));
    expect(phasesOf(facts(seen)).get('a')).toBe(expected);
  });

  test('those that take calls decide; while none does, all', () => {
    const seen = [
      stream('p0', { report: report({ a: 'Degraded' }) }),
      stream('p1', { report: report({ a: 'Ready' }) }),
    ];
    expect(phasesOf(facts(seen, [false, true])).get('a')).toBe('Ready');
    expect(phasesOf(facts(seen, [false, false])).get('a')).toBe('Degraded');
  });

  test('tools by the oldest that is current; problems of all that are, each once, bounded', () => {
    const problem = { reason: 'NameCollision', message: 'x' };
    const many = Array.from({ length: 200 }, (_, i) => ({ reason: 'InvalidTool', message: `m${i}` }));
    const seen = [
      stream('a', {
        acknowledged: { hash: 'old', generation: 1 },
        report: report({}, { tools: 1, problems: [problem] }),
      }),
      stream('b', { report: report({}, { tools: 2, problems: [problem] }) }),
      stream('c', { report: report({}, { tools: 3, problems: [problem, ...many] }) }),
    ];
    const offer = offerOf(facts(seen), 'h');
    expect([offer.tools, offer.problems.length, offer.problems[0]]).toEqual([2, 100, problem]);
    expect(offerOf(facts(seen), 'nobody')).toEqual({ tools: undefined, problems: [] });
  });
});

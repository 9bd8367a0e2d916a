import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { createObserver } from './create-observer.ts';
import { metricTable } from './metric-table.ts';
import { createMetricsRegistry } from './metrics-registry.ts';
import { type CallRecord, silentObserver } from './observer.ts';

const call: CallRecord = {
  hub: 'default/desk',
  server: 'default/files',
  method: 'tools/call',
  target: 'files_read',
  era: 'modern',
  upstreamEra: 'legacy',
  outcome: 'ok',
  code: undefined,
  errorCode: undefined,
  durationMs: 12,
  bytesIn: 100,
  bytesOut: 200,
  requestId: 'r-1',
  rpcId: '7',
};

function build(options: { targetsPerServer?: number; targetsInAll?: number } = {}) {
  const registry = createMetricsRegistry();
  const lines: string[] = [];
  const clock = createTestClock(Date.UTC(2026, 10, 21, 12, 0, 0) + 7);
  const log = { level: 'info' as const, line: (json: string) => void lines.push(json), dropped: () => 3 };
  const observer = createObserver({ registry, log, clock, version: '1.2.3', ...options });
  return { observer, registry, lines, clock };
}

/** Sample lines of one metric. */
async function samples(registry: { text(): Promise<string> }, name: string): Promise<string[]> {
  return (await registry.text()).split('\n').filter((line) => line.startsWith(name) && !line.startsWith('#'));
}

test('EF-69 a call shows in the histogram with its labels, and its bytes are counted', async () => {
  const { observer, registry } = build();
  observer.callFinished(call);
  observer.callFinished({ ...call, durationMs: 700 });
  const text = await registry.text();
  const labels = 'hub="default/desk",server="default/files",method="tools/call",target="files_read",outcome="ok"';
  expect(text).toContain(`mcp_server_operation_duration_seconds_count{${labels}} 2`);
  expect(text).toContain(`mcp_server_operation_duration_seconds_bucket{le="0.025",${labels}} 1`);
  expect(text).toContain('quaymaster_bytes_total{hub="default/desk",direction="in"} 200');
  expect(text).toContain('quaymaster_bytes_total{hub="default/desk",direction="out"} 400');
});

test('EF-69 ten thousand hostile tool names stay within the cap', async () => {
  const { observer, registry } = build({ targetsPerServer: 200, targetsInAll: 250 });
  for (let i = 0; i < 10_000; i++) observer.callFinished({ ...call, target: `files_evil_${i}` });
  for (let i = 0; i < 1_000; i++)
    observer.callFinished({ ...call, server: 'default/other', target: `other_evil_${i}` });
  const counts = await samples(registry, 'mcp_server_operation_duration_seconds_count');
  expect(counts.length).toBe(250 + 2);
  expect(counts.filter((line) => line.includes('target="_other"')).length).toBe(2);
  const total = counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  expect(total).toBe(11_000);
  expect((await registry.text()).length).toBeLessThan(1_000_000);
});

test('EF-24 HT-1.10 failures of tools that the hub tells itself count by code; those of servers are theirs', async () => {
  const { observer, registry } = build();
  observer.callFinished({ ...call, outcome: 'tool_error', errorCode: 'QM_ARGUMENTS_INVALID' });
  observer.callFinished({ ...call, outcome: 'tool_error' });
  observer.callFinished({ ...call, outcome: 'cancelled', errorCode: 'QM_CANCELLED' });
  expect(await samples(registry, 'quaymaster_call_errors_total')).toEqual([
    'quaymaster_call_errors_total{hub="default/desk",server="default/files",code="QM_ARGUMENTS_INVALID"} 1',
  ]);
});

test('EF-69 names that reached no server, URIs, vendor methods and odd codes make no series of their own', async () => {
  const { observer, registry } = build();
  for (let i = 0; i < 100; i++) {
    observer.callFinished({ ...call, server: undefined, target: `nothing_${i}`, outcome: 'error', code: -32602 });
    observer.callFinished({ ...call, method: 'resources/read', target: `file:///home/u/${i}` });
    observer.callFinished({ ...call, method: `vendor/${i}`, target: undefined });
    observer.callFinished({ ...call, outcome: 'error', code: 1000 + i });
  }
  const counts = await samples(registry, 'mcp_server_operation_duration_seconds_count');
  expect(counts.length).toBe(4);
  expect(counts.join('\n')).not.toContain('file:');
  const errors = await samples(registry, 'quaymaster_call_errors_total');
  expect(errors.map((line) => line.replace(/.*code=/, '')).toSorted()).toEqual(['"-32602"} 100', '"_other"} 100']);
});

test('EF-72 a secret in a tool name reaches neither metrics nor log', async () => {
  const { observer, registry, lines } = build();
  const secret = `sk-${'a1B2'.repeat(8)}`;
  observer.callFinished({ ...call, target: `x ${secret}` });
  observer.callFinished({ ...call, method: 'resources/read', target: `https://user:${secret}@host/` });
  observer.callFinished({ ...call, method: `m ${secret}`, rpcId: `"${secret}"` });
  expect(await registry.text()).not.toContain(secret);
  expect(lines.join('\n')).not.toContain(secret);
  for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
});

test('a name with quotes, newlines and UTF-8 bytes is one label and one JSON string', async () => {
  const { observer, registry, lines } = build();
  observer.callFinished({ ...call, target: Buffer.from('gr\u00fc\u00df"\n\\e').toString('latin1') });
  expect(await registry.text()).toContain('target="gr\u00fc\u00df\\" \\\\e"');
  expect((JSON.parse(lines[0] ?? '') as { target: string }).target).toBe('gr\u00fc\u00df" \\e');
});

describe('EF-71 operation line', () => {
  test('has the documented fields, in one line of JSON', () => {
    const { observer, lines } = build();
    observer.callFinished({
      ...call,
      outcome: 'error',
      code: -32603,
      errorCode: 'QM_SERVER_GONE',
      sessionId: 's-9',
      durationMs: 1.23456,
    });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: '2026-11-21T12:00:00.007Z',
      msg: 'call',
      requestId: 'r-1',
      rpcId: 7,
      hub: 'default/desk',
      server: 'default/files',
      method: 'tools/call',
      target: 'files_read',
      era: 'modern',
      upstreamEra: 'legacy',
      outcome: 'error',
      code: -32603,
      errorCode: 'QM_SERVER_GONE',
      severity: 'high',
      durationMs: 1.235,
      bytesIn: 100,
      bytesOut: 200,
      session: 's-9',
    });
  });

  test('leaves out what does not apply', () => {
    const { observer, lines } = build();
    observer.callFinished({ ...call, server: undefined, target: undefined, upstreamEra: undefined });
    expect(Object.keys(JSON.parse(lines[0] ?? '') as object)).not.toContain('server');
    expect(lines[0]).not.toContain('undefined');
  });

  test('follows the clock across seconds', async () => {
    const { observer, lines, clock } = build();
    observer.callFinished(call);
    await clock.advance(1500);
    observer.callFinished(call);
    expect((JSON.parse(lines[1] ?? '') as { time: string }).time).toBe('2026-11-21T12:00:01.507Z');
  });

  test('very long targets are cut and thousands of different ones do not pile up', () => {
    const { observer, lines } = build();
    observer.callFinished({ ...call, target: 'x'.repeat(100_000) });
    expect((lines[0] ?? '').length).toBeLessThan(700);
    for (let i = 0; i < 3000; i++) observer.callFinished({ ...call, method: 'resources/read', target: `file:///${i}` });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ target: 'file:///2999' });
  });

  test('is not written below the level', () => {
    const lines: string[] = [];
    const log = { level: 'warn' as const, line: (json: string) => void lines.push(json), dropped: () => 0 };
    createObserver({ registry: createMetricsRegistry(), log }).callFinished(call);
    createObserver({ registry: createMetricsRegistry() }).callFinished(call);
    expect(lines).toEqual([]);
  });
});

test('upstream states are one-hot, and go with their server', async () => {
  const { observer, registry } = build();
  observer.upstreamState('default/files', 'Starting', 0);
  observer.upstreamState('default/files', 'Ready', 2);
  observer.callFinished(call);
  let text = await registry.text();
  expect(text).toContain('quaymaster_upstream_state{server="default/files",phase="Ready"} 1');
  expect(text).toContain('quaymaster_upstream_state{server="default/files",phase="Starting"} 0');
  expect(text).toContain('quaymaster_upstream_restarts{server="default/files"} 2');
  expect(text).toContain('quaymaster_metric_targets 1');
  observer.upstreamGone('default/files');
  observer.upstreamGone('default/never');
  text = await registry.text();
  expect(text).not.toContain('server="default/files"');
  expect(text).toContain('quaymaster_metric_targets 0');
});

test('gauges are read at scrape time, summed, and taken off', async () => {
  const { observer, registry } = build();
  let sessions = 3;
  const off = observer.gauge('sessions', 'default/desk', () => sessions);
  observer.gauge('sessions', 'default/desk', () => 10);
  expect(await registry.text()).toContain('quaymaster_sessions{hub="default/desk"} 13');
  sessions = 5;
  expect(await registry.text()).toContain('quaymaster_sessions{hub="default/desk"} 15');
  off();
  expect(await registry.text()).toContain('quaymaster_sessions{hub="default/desk"} 10');
});

test('one reader may tell of all labels there are', async () => {
  const { observer, registry } = build();
  const children = new Map([
    ['default/files', 2],
    ['default/mail', 1],
  ]);
  const off = observer.gauges('children', () => children);
  expect(await registry.text()).toContain('quaymaster_child_processes{server="default/files"} 2');
  children.delete('default/files');
  const text = await registry.text();
  expect(text).toContain('quaymaster_child_processes{server="default/mail"} 1');
  expect(text).not.toContain('quaymaster_child_processes{server="default/files"}');
  off();
  expect(await registry.text()).not.toContain('quaymaster_child_processes{');
});

test('counters count, by more than one', async () => {
  const { observer, registry } = build();
  observer.count('lateAnswers', 'default/files');
  observer.count('lateAnswers', 'default/files', 4);
  observer.count('limitRejections', 'inFlight');
  const text = await registry.text();
  expect(text).toContain('quaymaster_late_answers_total{server="default/files"} 5');
  expect(text).toContain('quaymaster_limit_rejections_total{limit="inFlight"} 1');
});

test('EF-69 the exposition holds exactly the metrics of the table, which are the documented ones', async () => {
  const { registry } = build();
  const text = await registry.text();
  const exposed = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => `${match[1]} ${match[2]}`).toSorted();
  expect(exposed).toEqual(
    Object.entries(metricTable)
      .map(([name, row]) => `${name} ${row.type}`)
      .toSorted(),
  );
  expect(text).toContain(`quaymaster_build_info{version="1.2.3",node="${process.versions.node}"} 1`);
  expect(text).toContain('quaymaster_log_lines_dropped_total 3');
  expect(text).toMatch(/process_cpu_seconds_total \d/);
  expect(text).toMatch(/quaymaster_event_loop_delay_seconds\{quantile="0.99"\} [\d.e-]+/);
});

test('the silent observer takes everything', () => {
  silentObserver.callFinished(call);
  silentObserver.upstreamState('a', 'Ready', 0);
  silentObserver.upstreamGone('a');
  silentObserver.count('noiseLines', 'a');
  silentObserver.gauge('streams', 'a', () => 1)();
  silentObserver.gauges('children', () => new Map())();
});

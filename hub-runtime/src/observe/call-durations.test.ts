import { Histogram, type Metric, Registry } from 'prom-client';
import { expect, test } from 'vitest';

import { CallDurations } from './call-durations.ts';

const bounds = [0.005, 0.1, 2.5];

function scraped(durations: CallDurations): Promise<string> {
  const registry = new Registry();
  registry.registerMetric(durations as unknown as Metric<string>);
  return registry.metrics();
}

test('EF-69 it prints what a histogram of prom-client prints', async () => {
  const registry = new Registry();
  const labelNames = ['hub', 'server', 'method', 'target', 'outcome'];
  const known = new Histogram({ name: 'd', help: 'h', labelNames, buckets: [...bounds], registers: [registry] });
  const durations = new CallDurations('d', 'h', bounds);
  const seconds = [0, 0.005, 0.0050001, 0.1, 2.5, 2.6, 1e9];
  for (const [hub, server, method, target, outcome] of [
    ['a', 's', 'tools/call', 't', 'ok'],
    ['a', 's', 'tools/call', 't', 'error'],
    ['a', 's', 'tools/list', '', 'ok'],
    ['b', '', 'ping', '', 'ok'],
    ['b', 's "quoted"\n', 'prompts/get', 't', 'ok'],
  ] as const) {
    for (const one of seconds) {
      durations.observe(one, hub, server, method, target, outcome);
      known.observe({ hub, server, method, target, outcome }, one);
    }
  }
  expect((await scraped(durations)).split('\n').toSorted()).toEqual((await registry.metrics()).split('\n').toSorted());
});

test('what a server had goes with it, in every hub, and nothing else', async () => {
  const durations = new CallDurations('d', 'h', bounds);
  for (const hub of ['a', 'b']) for (const server of ['s', 'r']) durations.observe(1, hub, server, 'ping', '', 'ok');
  durations.forget('s');
  const text = await scraped(durations);
  expect(text).not.toContain('server="s"');
  expect(text.match(/d_count/g)).toHaveLength(2);
  durations.observe(1, 'a', 's', 'ping', '', 'ok');
  expect(await scraped(durations)).toContain('d_count{hub="a",server="s",method="ping",target="",outcome="ok"} 1');
});

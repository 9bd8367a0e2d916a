/**
 * The official conformance tool over the other transports. It speaks HTTP only, so it meets a hub that reaches a second hub over HTTP+SSE or
 * WebSocket; the second stands before the tool's own server. Whatever passes through one hub passes through two with such a way between.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { expectedFailureNames } from '../conformance/expected-failures.ts';
import { buildFixture, startFixture } from '../conformance/fixture.ts';
import { runRequirementSet } from '../conformance/requirement-set.ts';
import type { Revision } from '../conformance/requirement-set.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

const names = { naming: { strategy: 'none' } };
/** What a way costs, whatever the hub does. */
const costs: Readonly<Record<string, readonly string[]>> = {
  // The way between the hubs is of the older era: what a client cannot do is found out by a question, not told with the request.
  'sse 2026-07-28': ['server-stateless'],
  // On one connection for all callers a log line does not say whose it is, so it is nobody's.
  'websocket 2025-11-25': ['tools-call-with-logging'],
};
const hubs: RunningHub[] = [];
const ways: Record<string, string> = {};
let fixture: Awaited<ReturnType<typeof startFixture>>;

beforeAll(async () => {
  await buildFixture();
  fixture = await startFixture('legacy');
  const back = await startHub([
    mcpHub({ ...names, transports: { sse: true, websocket: true } }),
    mcpServer('fixture', { source: { remote: { url: fixture.url } } }),
  ]);
  hubs.push(back);
  const spec = {
    sse: { source: { remote: { url: `${back.url}/sse` } }, transport: 'sse' },
    websocket: { source: { remote: { url: back.url.replace(/^http/, 'ws') } } },
  };
  for (const [way, server] of Object.entries(spec)) {
    const front = await startHub([mcpHub(names), mcpServer('back', server)]);
    hubs.push(front);
    ways[way] = front.url;
  }
}, 300_000);

afterAll(async () => {
  for (const hub of hubs.toReversed()) await hub[Symbol.asyncDispose]();
  await fixture?.[Symbol.asyncDispose]();
});

const revisions: readonly Revision[] = ['2025-11-25', '2026-07-28'];
test.each(['sse', 'websocket'].flatMap((way) => revisions.map((revision) => [way, revision] as const)))(
  'HT-0.03 HT-0.13 HT-0.14 over %s, requirement set %s',
  async (way, revision) => {
    const results = await runRequirementSet(ways[way] ?? '', revision);
    const failed = results.filter(({ state }) => state !== 'passed');
    const listed = [...expectedFailureNames('legacy', revision), ...(costs[`${way} ${revision}`] ?? [])];
    expect(failed.filter(({ name }) => !listed.includes(name))).toEqual([]);
    expect(results.length).toBeGreaterThan(20);
  },
  400_000,
);

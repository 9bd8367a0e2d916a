/** One server on a clock that stands still, with connectors without a wire, and what it told. */
import type { ServerConfig } from '@quaymaster/crds';
import { expect } from 'vitest';

import { createTestClock } from '../../base/index.ts';
import type { ServerTarget, UpstreamEvent } from '../../exchange/index.ts';
import { createUpstream } from '../create-upstream.ts';
import type { UpstreamDeps } from '../upstream-deps.ts';
import { FakeConnector } from './fake-connector.ts';
import { makeCall, serverConfig, upstreamDeps } from './settings.ts';

export const stdioTarget: ServerTarget = { kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined };
export const httpTarget: ServerTarget = { kind: 'http', url: 'http://x/', headers: {} };

export function serverWorld(
  change: Partial<ServerConfig> = {},
  target = stdioTarget,
  deps: Partial<UpstreamDeps> = {},
) {
  const clock = createTestClock();
  const connector = new FakeConnector();
  const all = upstreamDeps(target, { clock, connectorFor: () => connector, ...deps });
  const upstream = createUpstream(serverConfig(change), all);
  const events: UpstreamEvent[] = [];
  upstream.subscribe((event) => events.push(event));
  const call = (one = makeCall('tools/call', { name: 'echo' })) => upstream.lane(one.caller).send(one.call);
  const phases = (): string[] => events.flatMap((event) => (event.kind === 'state' ? [event.state.phase] : []));
  const listings = (): number => events.filter((event) => event.kind === 'listing').length;
  return { clock, connector, upstream, events, call, phases, listings };
}

/** The same, started and ready. */
export async function serverUp(change: Partial<ServerConfig> = {}, target = stdioTarget) {
  const one = serverWorld(change, target);
  one.upstream.start();
  await one.clock.advance(1);
  expect(one.upstream.state.phase).toBe('Ready');
  return one;
}

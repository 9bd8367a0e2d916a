/** A host of hubs whose servers do what a test says, on a clock that stands still; and what clients of it see. */
import type { HubConfig, ServerConfig } from '@quaymaster/crds';

import { createTestClock, silentLogger, type TestClock } from '../base/index.ts';
import type { HubPort, Outcome } from '../exchange/index.ts';
import {
  exchangeOf,
  FakeUpstream,
  hubConfig,
  listing,
  seen,
  serverConfig,
  testSealer,
  tool,
} from '../fixtures/index.ts';
import { silentObserver } from '../observe/index.ts';
import type { HubHostDeps, HubHostEvent } from './hub-host-deps.ts';
import { HubHost } from './hub-host.ts';

export interface HostStage {
  readonly host: HubHost;
  readonly clock: TestClock;
  /** All upstreams ever made, oldest first. */
  readonly made: FakeUpstream[];
  readonly events: HubHostEvent[];
  readonly gauges: Map<string, () => number>;
  readonly counted: string[];
  readonly gone: string[];
  /** What the host itself reports to the observer. */
  readonly states: string[];
  hub(key?: string): HubPort;
  newest(name: string): FakeUpstream;
}

/** `more` replaces what the host is given. */
export function hostStage(create?: (config: ServerConfig) => FakeUpstream, more: Partial<HubHostDeps> = {}): HostStage {
  const clock = createTestClock();
  const made: FakeUpstream[] = [];
  const events: HubHostEvent[] = [];
  const gauges = new Map<string, () => number>();
  const counted: string[] = [];
  const gone: string[] = [];
  const states: string[] = [];
  const host = new HubHost({
    createUpstream: (config) => {
      const upstream = create === undefined ? new FakeUpstream(config) : create(config);
      made.push(upstream);
      return upstream;
    },
    sealer: testSealer(),
    clock,
    log: silentLogger,
    observer: {
      ...silentObserver,
      count: (name, label) => counted.push(`${name} ${label}`),
      upstreamState: (key, phase) => states.push(`${key} ${phase}`),
      upstreamGone: (key) => gone.push(key),
      gauge: (name, label, read) => {
        gauges.set(`${name} ${label}`, read);
        return () => gauges.delete(`${name} ${label}`);
      },
    },
    hubInfo: { name: 'desk', version: '1' },
    ...more,
  });
  host.onEvent((event) => events.push(event));
  return {
    host,
    clock,
    made,
    events,
    gauges,
    counted,
    gone,
    states,
    hub(key = 'default/desk') {
      const hub = host.hub(key);
      if (hub === undefined) throw new Error(`no hub ${key}`);
      return hub;
    },
    newest(name) {
      const upstream = made.findLast(({ config }) => config.name === name);
      if (upstream === undefined) throw new Error(`no upstream ${name}`);
      return upstream;
    },
  };
}

/** Whatever waits for nothing but promises has run. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
export const offer = (...names: string[]): ReturnType<typeof listing> =>
  listing({ tools: names.map((name) => tool(name)) });
export const lazy = (name: string): ServerConfig =>
  serverConfig(name, { lifecycle: { start: 'lazy', drainTimeoutMs: 1_000, required: false } });

/** A configuration; `hash` stands for its content. */
export function config(hash: string, ...servers: readonly ServerConfig[]): HubConfig {
  return hubConfig(servers, { hash });
}

export async function list(hub: HubPort): Promise<string[]> {
  const page = seen(await hub.handle(exchangeOf(hub.graph, 'tools/list'))) as { tools: { name: string }[] };
  return page.tools.map(({ name }) => name);
}

export function call(hub: HubPort, name: string): Promise<Outcome> {
  return hub.handle(exchangeOf(hub.graph, 'tools/call', { name }));
}

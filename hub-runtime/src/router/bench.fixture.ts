/** A router in front of scripted upstreams, for the tests of this room. */
import { createTestClock, silentLogger, type TestClock } from '../base/index.ts';
import { buildCatalog } from '../catalog/index.ts';
import type { Exchange, HubGraph, Outcome, ServerListing } from '../exchange/index.ts';
import {
  exchangeOf,
  FakeUpstream,
  hubConfig,
  listing,
  type Offer,
  seen,
  serverConfig,
  testSealer,
} from '../fixtures/index.ts';
import { type CallRecord, silentObserver } from '../observe/index.ts';
import { ParkedCalls, RequestStates } from '../questions/index.ts';
import { createRequestIds } from './request-ids.ts';
import { createRouter, type Router, type RouterDeps } from './create-router.ts';

export interface Bench {
  readonly hub: { readonly graph: HubGraph; handle(exchange: Exchange): Promise<Outcome> };
  readonly router: Router;
  readonly clock: TestClock;
  readonly records: CallRecord[];
  readonly counted: string[];
  readonly servers: Readonly<Record<string, FakeUpstream>>;
  /** Calls that have begun on a graph and not ended. */
  readonly pinned: () => number;
  call(method: string, params?: unknown, era?: 'modern' | 'legacy'): Promise<unknown>;
}

/** A router in front of fakes, its graph always up to date; `undefined` instead of an offer: not listed yet. */
export function bench(
  offers: Readonly<Record<string, Offer | undefined>>,
  changes: Parameters<typeof hubConfig>[1] = {},
  more: Partial<RouterDeps> = {},
): Bench {
  const clock = createTestClock();
  const sealer = testSealer();
  const records: CallRecord[] = [];
  const counted: string[] = [];
  let pins = 0;
  const config = hubConfig(
    Object.keys(offers).map((name) => serverConfig(name)),
    changes,
  );
  const upstreams = config.servers.map((server) => new FakeUpstream(server));
  const graphNow = (): HubGraph => {
    const listed = upstreams.flatMap(({ key, listing: last }): [string, ServerListing][] =>
      last === undefined ? [] : [[key, last]],
    );
    const catalog = buildCatalog(config, new Map(listed), {
      sealCursor: (payload) => sealer.seal('cursor', payload),
      openCursor: (token) => sealer.open('cursor', token),
    });
    return { config, generation: 1, catalog, upstreams, upstream: (key) => upstreams.find((one) => one.key === key) };
  };
  let isWarm = false;
  const router = createRouter({
    sealer: testSealer(),
    hub: 'default/desk',
    clock,
    log: silentLogger,
    observer: {
      ...silentObserver,
      callFinished: (record) => records.push(record),
      count: (name, label) => counted.push(`${name} ${label}`),
    },
    requestId: createRequestIds('r'),
    graph: graphNow,
    freshGraph: graphNow,
    pin: () => pins++,
    unpin: () => pins--,
    beforeList() {
      if (isWarm || upstreams.every((one) => one.listing !== undefined)) return undefined;
      isWarm = true;
      return Promise.all(upstreams.map((one) => one.wake(60_000))).then(() => undefined);
    },
    firstListWaitMs: 3_000,
    states: new RequestStates({ sealer, owner: 'alone', ttlMs: () => 60_000 }),
    parked: new ParkedCalls({ clock, newId: () => `parked-${++ids}`, limit: () => 2, waitMs: () => 60_000 }),
    newId: () => `visit-${++ids}`,
    ...more,
  });
  let ids = 0;
  for (const upstream of upstreams) {
    upstream.start();
    const offer = offers[upstream.config.name];
    if (offer !== undefined) upstream.list(listing(offer));
  }
  const hub = {
    get graph() {
      return graphNow();
    },
    handle: (exchange: Exchange) => router.handle(exchange),
  };
  return {
    hub,
    router,
    clock,
    records,
    counted,
    servers: Object.fromEntries(upstreams.map((one) => [one.config.name, one])),
    pinned: () => pins,
    call: async (method, params, era) => seen(await router.handle(exchangeOf(hub.graph, method, params, era))),
  };
}

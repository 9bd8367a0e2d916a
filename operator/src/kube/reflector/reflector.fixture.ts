/** A reflector of widgets and what its store told, for the tests of this room. At the end of each no watch may be open. */
import { silentLogger } from 'quaymaster/base';
import { afterEach, beforeEach } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { createStore, type ObjectStore, type StoreChange, stripBookkeeping } from '../store/index.ts';
import { type KubeStage, type OpenWatch, type SeenRequest, until, useFakeApi, widgets } from '../testing/index.ts';
import { createDiscovery, createKubeClient } from '../transport/index.ts';
import { createReflector } from './create-reflector.ts';
import type { Reflector, ReflectorOptions } from './reflector-types.ts';

export interface ReflectorStage extends KubeStage {
  store: ObjectStore<KubeObject>;
  changes: StoreChange<KubeObject>[];
  /** The one made last. */
  reflector: Reflector;
  make(over?: Partial<ReflectorOptions>): Reflector;
  /** Made, started, synced and watching. */
  started(over?: Partial<ReflectorOptions>): Promise<Reflector>;
  theWatch(): OpenWatch;
  /** In the store. */
  names(): string[];
  /** `added a` */
  told(): string[];
  watchRequests(): SeenRequest[];
  listRequests(): SeenRequest[];
}

/** Filled anew before each test of the file that calls it. */
export function useReflector(): ReflectorStage {
  const stage = Object.assign(
    useFakeApi([widgets]),
    helpersOf(() => stage),
  ) as ReflectorStage;
  beforeEach(() => {
    stage.changes = [];
    stage.store = createStore({
      transform: stripBookkeeping,
      indexers: { size: (object) => [String((object.spec as { size: number }).size)] },
    });
    stage.store.subscribe((change) => stage.changes.push(change));
  });
  afterEach(async () => {
    await stage.reflector.stop();
    await stage.transport.close();
    await until('no watch stays open', () => stage.api.watches.size === 0);
  });
  return stage;
}

function helpersOf(stage: () => ReflectorStage): Partial<ReflectorStage> {
  const short = (key: string): string => key.replace('default/', '');
  return {
    make(over = {}) {
      const { transport, clock, store, metrics } = stage();
      stage().reflector = createReflector({
        client: createKubeClient(transport),
        discovery: createDiscovery(transport, clock),
        resource: widgets,
        store,
        clock,
        random: () => 0.5,
        logger: silentLogger,
        metrics,
        ...over,
      });
      return stage().reflector;
    },
    async started(over = {}) {
      const reflector = stage().make(over);
      reflector.start();
      await until('synced', () => reflector.state.synced);
      await until('watching', () => stage().api.watches.size === 1);
      return reflector;
    },
    theWatch() {
      const [watch] = stage().api.watches;
      if (watch === undefined) throw new Error('no watch is open');
      return watch;
    },
    names: () => [...stage().store.keys()].map(short).toSorted(),
    told: () => stage().changes.map((change) => `${change.type} ${short(change.key)}`),
    watchRequests: () => stage().api.requests.filter((request) => request.query.get('watch') === 'true'),
    listRequests: () =>
      stage().api.requests.filter(
        ({ path, query }) => path.endsWith('/widgets') && !query.has('watch') && query.get('limit') !== '1',
      ),
  };
}

/** An applier in front of an API server that fails on command, for the tests of this room. */
import { createTestClock } from 'quaymaster/base';
import { afterEach, beforeEach } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { createWriteTracker, type WriteTracker } from '../store/index.ts';
import { configMaps, type FakeApi, startFakeApi, widgets } from '../testing/index.ts';
import { createKubeClient, createTransport, type KubeClient, type Transport } from '../transport/index.ts';
import { type Applier, createApplier } from './applier.ts';

export const hashAnnotation = 'test.example/hash';

export interface ApplyStage {
  api: FakeApi;
  transport: Transport;
  client: KubeClient;
  tracker: WriteTracker;
  applier: Applier;
  /** A widget as it stands. */
  live(name?: string): KubeObject | undefined;
}

/** Filled anew before each test of the file that calls it. */
export function useApplier(): ApplyStage {
  const stage = {
    live: (name = 'a') => {
      const found = stage.api.get(widgets, `default/${name}`);
      return found === undefined ? undefined : structuredClone(found);
    },
  } as ApplyStage;
  beforeEach(async () => {
    const clock = createTestClock();
    stage.api = await startFakeApi([widgets, configMaps]);
    stage.transport = createTransport({ endpoint: stage.api.endpoint(), clock, userAgent: 'test' });
    stage.client = createKubeClient(stage.transport);
    stage.tracker = createWriteTracker({ clock });
    const { client, tracker } = stage;
    stage.applier = createApplier({ client, manager: 'test-operator', hashAnnotation, tracker, maxRemembered: 2 });
  });
  afterEach(async () => {
    await stage.transport.close();
    await stage.api[Symbol.asyncDispose]();
  });
  return stage;
}

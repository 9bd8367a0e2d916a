/** An applier in front of an API server that fails on command, for the tests of this room. */
import { beforeEach } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { createWriteTracker, type WriteTracker } from '../store/index.ts';
import { configMaps, type KubeStage, useFakeApi, widgets } from '../testing/index.ts';
import { createKubeClient, type KubeClient } from '../transport/index.ts';
import { type Applier, createApplier } from './applier.ts';

export const hashAnnotation = 'test.example/hash';

export interface ApplyStage extends KubeStage {
  client: KubeClient;
  tracker: WriteTracker;
  applier: Applier;
  /** A widget as it stands. */
  live(name?: string): KubeObject | undefined;
}

/** Filled anew before each test of the file that calls it. */
export function useApplier(): ApplyStage {
  const stage = useFakeApi([widgets, configMaps]) as ApplyStage;
  stage.live = (name = 'a') => {
    const found = stage.api.get(widgets, `default/${name}`);
    return found === undefined ? undefined : structuredClone(found);
  };
  beforeEach(() => {
    const { clock, transport } = stage;
    const client = createKubeClient(transport);
    const tracker = createWriteTracker({ clock });
    const applier = createApplier({ client, manager: 'test-operator', hashAnnotation, tracker, maxRemembered: 2 });
    Object.assign(stage, { client, tracker, applier });
  });
  return stage;
}

/** An API server that fails on command, a clock that stands still and a connection between them: anew for each test of the file that calls it. */
import { createTestClock, type TestClock } from 'quaymaster/base';
import { afterEach, beforeEach, expect } from 'vitest';

import type { Resource } from '../objects/index.ts';
import { createTransport, type Transport, type TransportOptions } from '../transport/index.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';
import { recordingMetrics, type RecordingMetrics } from './helpers.ts';

export interface KubeStage {
  api: FakeApi;
  clock: TestClock;
  metrics: RecordingMetrics;
  /** The one made last. */
  transport: Transport;
  /** With other options. */
  connect(over?: Partial<TransportOptions>): Transport;
}

/** Hooks registered after this call see the stage set, and clear up before it goes. */
export function useFakeApi(kinds: readonly Resource[]): KubeStage {
  const stage = {
    connect(over = {}) {
      const { api, clock, metrics } = stage;
      stage.transport = createTransport({ endpoint: api.endpoint(), clock, userAgent: 'test/1', metrics, ...over });
      return stage.transport;
    },
  } as KubeStage;
  beforeEach(async () => {
    stage.api = await startFakeApi(kinds);
    stage.clock = createTestClock();
    stage.metrics = recordingMetrics();
    stage.connect();
  });
  afterEach(async () => {
    await stage.transport.close();
    await stage.api[Symbol.asyncDispose]();
    expect(stage.clock.pending, 'no timer stays behind').toBe(0);
  });
  return stage;
}

/** A client in front of an API server that fails on command, for the tests of this room. At the end of each nothing may be waiting. */
import { createTestClock, type TestClock } from 'quaymaster/base';
import { afterEach, beforeEach, expect } from 'vitest';

import {
  configMaps,
  type FakeApi,
  recordingMetrics,
  type RecordingMetrics,
  startFakeApi,
  widgets,
} from '../testing/index.ts';
import { createTransport, type KubeAnswer, KubeError, type Transport, type TransportOptions } from './index.ts';

export const widgetPath = '/apis/test.example/v1/namespaces/default/widgets/a';

export interface TransportStage {
  api: FakeApi;
  clock: TestClock;
  metrics: RecordingMetrics;
  /** The one made last. */
  transport: Transport;
  make(over?: Partial<TransportOptions>): Transport;
  /** Reads the widget "a". */
  get(signal?: AbortSignal): Promise<KubeAnswer>;
}

/** Filled anew before each test of the file that calls it. */
export function useTransport(): TransportStage {
  const stage = {
    make: (over = {}) => {
      const { api, clock, metrics } = stage;
      stage.transport = createTransport({ endpoint: api.endpoint(), clock, userAgent: 'test/1', metrics, ...over });
      return stage.transport;
    },
    get: (signal) => stage.transport.send({ method: 'GET', path: widgetPath }, signal),
  } as TransportStage;
  beforeEach(async () => {
    stage.api = await startFakeApi([widgets, configMaps]);
    stage.clock = createTestClock();
    stage.metrics = recordingMetrics();
  });
  afterEach(async () => {
    await stage.transport.close();
    await stage.api[Symbol.asyncDispose]();
    expect(stage.clock.pending).toBe(0);
  });
  return stage;
}

export async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof KubeError)) throw new Error(`no KubeError: ${String(error)}`);
  return error;
}

/** Plays a scenario with a client of one era, and gives what was written down and how it failed, if it did. */
import type { EraName } from '../kit/index.ts';
import type { ParityDriver, Scenario } from './scenario.ts';
import { type RecordedStream, Stage } from './stage.ts';

export interface Played {
  readonly streams: readonly RecordedStream[];
  readonly failure: Error | undefined;
}

export async function play(scenario: Scenario, era: EraName, driver: ParityDriver): Promise<Played> {
  await using stage = new Stage({ era, urls: await driver.urls(scenario.hub), apart: scenario.apart ?? false });
  try {
    await scenario.run(stage, driver);
    return { streams: stage.streams, failure: undefined };
  } catch (error) {
    return { streams: stage.streams, failure: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** Three hub processes behind a plain round-robin balancer: no client can tell, and none loses more than what a killed one worked on. */
import { afterAll, beforeAll, test } from 'vitest';

import { playRound, startTrio, type Trio } from './support/three-replicas.ts';

let trio: Trio;

beforeAll(async () => {
  trio = await startTrio();
});
afterAll(async () => {
  await trio?.[Symbol.asyncDispose]();
});

test.each([1, 2, 3])(
  'EF-29 EF-30 HT-0.04 clients of all versions converse without affinity, a parked question resumes elsewhere, kill -9 loses no session (round %i of 3)',
  async (round) => {
    const { calls, lost } = await playRound(trio, { clients: 6, trafficMs: 400 });
    console.log(`round ${round}: ${calls} calls around a kill, ${lost} modern ones were under way there`);
  },
);

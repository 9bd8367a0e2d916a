/** The rounds of three-replicas.test.ts, more of them and with more clients. */
import { expect, test } from 'vitest';

import { playRound, startTrio } from './support/three-replicas.ts';

test('EF-29 EF-30 HT-0.04 twenty rounds in a row', async () => {
  await using trio = await startTrio();
  let total = 0;
  for (let round = 1; round <= 20; round++) {
    const { calls, lost } = await playRound(trio, { clients: 30, trafficMs: 2_000 });
    console.log(`round ${round}: ${calls} calls around a kill, ${lost} modern ones were under way there`);
    total += calls;
  }
  expect(total).toBeGreaterThan(20_000);
});

import { createTestClock } from 'quaymaster/base';
import { expect, test } from 'vitest';

import { pause } from './pause.ts';

test('waits on the clock; a signal ends it before or during the wait and leaves no timer', async () => {
  const clock = createTestClock();
  const waited = pause(clock, 100, new AbortController().signal);
  await clock.advance(100);
  await waited;
  await expect(pause(clock, 100, AbortSignal.abort())).rejects.toMatchObject({ code: 'KUBE_ABORTED' });
  const ending = new AbortController();
  const cut = pause(clock, 100, ending.signal);
  ending.abort();
  await expect(cut).rejects.toMatchObject({ code: 'KUBE_ABORTED' });
  expect(clock.pending).toBe(0);
});

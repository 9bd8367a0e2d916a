/** When a report goes out: soon after something changed, a burst of changes as one, and every ten seconds for the counters. */
import type { Clock } from '../base/index.ts';

export interface ReportSchedule {
  /** Something changed. */
  poke(): void;
  close(): void;
}

const soonMs = 150;
const regularMs = 10_000;

export function scheduleReports(clock: Clock, send: () => void): ReportSchedule {
  let pending: (() => void) | undefined;
  const stopRegular = clock.every(regularMs, () => {
    if (pending === undefined) send();
  });
  return {
    poke() {
      pending ??= clock.after(soonMs, () => {
        pending = undefined;
        send();
      });
    },
    close() {
      stopRegular();
      pending?.();
    },
  };
}

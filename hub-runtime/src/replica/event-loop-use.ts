/** How busy the event loop was since the last look, 0 to 1. */
import { performance } from 'node:perf_hooks';

export class EventLoopUse {
  #last = performance.eventLoopUtilization();

  read(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    return Number.isFinite(utilization) ? Math.min(Math.max(utilization, 0), 1) : 0;
  }
}

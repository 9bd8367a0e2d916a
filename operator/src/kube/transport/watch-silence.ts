/** Notices that a watch has died without a word: a NAT that forgot it, a node that lost power, a process that stands still. */
import type { Clock } from 'quaymaster/base';

import { KubeError } from './kube-error.ts';

/** Half-open detection: a peer that vanished sends nothing, not even a bookmark. Re-armed lazily, so that bytes cost no timer. */
export function watchSilence(
  clock: Clock,
  idleMs: () => number,
  what: string,
): { readonly heard: () => void; readonly start: (abort: (error: Error) => void) => () => void } {
  let last = 0;
  return {
    heard: () => {
      last = clock.monotonic();
    },
    start(abort) {
      last = clock.monotonic();
      let cancel = (): void => {};
      const arm = (delayMs: number): void => {
        cancel = clock.after(delayMs, () => {
          const left = last + idleMs() - clock.monotonic();
          if (left > 0) arm(left);
          else abort(new KubeError('KUBE_TIMEOUT', `${what}: silent for ${idleMs()} ms`, { reason: 'Silent' }));
        });
      };
      arm(idleMs());
      return () => cancel();
    },
  };
}

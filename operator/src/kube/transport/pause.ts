/** Waits on the injected clock; a signal ends the wait with its reason. */
import type { Clock } from 'quaymaster/base';

import { abortedError } from './kube-error.ts';

export function pause(clock: Pick<Clock, 'after'>, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortedError(signal, 'wait'));
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(abortedError(signal as AbortSignal, 'wait'));
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

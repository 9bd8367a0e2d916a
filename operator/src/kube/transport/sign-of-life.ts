/** Tells whoever waits that the API server has answered somebody. */
import { abortedError } from './kube-error.ts';

export interface SignOfLife {
  heard(): void;
  /** Resolves at the next sign; rejects when the signal fires. */
  readonly next: (signal: AbortSignal) => Promise<void>;
}

export function createSignOfLife(): SignOfLife {
  const listeners = new Set<() => void>();
  return {
    heard() {
      for (const listener of listeners) listener();
    },
    next: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(abortedError(signal, 'next answer'));
          return;
        }
        const end = (act: () => void) => (): void => {
          listeners.delete(onAnswer);
          signal.removeEventListener('abort', onAbort);
          act();
        };
        const onAnswer = end(resolve);
        const onAbort = end(() => reject(abortedError(signal, 'next answer')));
        listeners.add(onAnswer);
        signal.addEventListener('abort', onAbort, { once: true });
      }),
  };
}

/** Runs one HTTP request to its end and cleans up behind it exactly once, whichever comes first: answer, failure, deadline or signal. */
import type { ConnectionPool } from './connection-pool.ts';
import type { Handling, RawAnswer, Settle } from './answer-handlers.ts';
import { abortedError, KubeError } from './kube-error.ts';

export interface Wire {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: string | null;
}

export interface Performer {
  run(
    what: string,
    wire: Wire,
    handle: (settle: Settle<RawAnswer>) => Handling,
    /** Starts the clock that may end the request; returns how to stop it. */
    limit: (abort: (error: Error) => void) => () => void,
    signal: AbortSignal | undefined,
  ): Promise<RawAnswer>;
  /** Breaks off everything that runs; whatever comes later is refused. */
  close(): void;
  readonly running: number;
}

export function createPerformer(pool: ConnectionPool): Performer {
  const running = new Set<Handling>();
  let closed = false;
  return {
    run: (what, wire, handle, limit, signal) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(closedError(what));
          return;
        }
        if (signal?.aborted === true) {
          reject(abortedError(signal, what));
          return;
        }
        const onAbort = (): void => handling.abort(abortedError(signal as AbortSignal, what));
        const clean = (): void => {
          stopLimit();
          running.delete(handling);
          signal?.removeEventListener('abort', onAbort);
        };
        const handling = handle({
          resolve(answer) {
            clean();
            resolve(answer);
          },
          reject(error) {
            clean();
            reject(error instanceof KubeError ? error : networkError(what, error));
          },
        });
        const stopLimit = limit((error) => handling.abort(error));
        running.add(handling);
        signal?.addEventListener('abort', onAbort, { once: true });
        try {
          pool.dispatch(
            { path: wire.path, method: wire.method as 'GET', headers: wire.headers, body: wire.body },
            handling.handler,
          );
        } catch (error) {
          handling.abort(error instanceof Error ? error : new Error(String(error)));
        }
      }),
    close() {
      closed = true;
      for (const handling of running) handling.abort(closedError('request'));
    },
    get running() {
      return running.size;
    },
  };
}

function closedError(what: string): KubeError {
  return new KubeError('KUBE_ABORTED', `${what}: the client is closed`);
}

function networkError(what: string, error: unknown): KubeError {
  const text = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
  return new KubeError('KUBE_NETWORK', `${what}: ${text}`, { cause: error });
}

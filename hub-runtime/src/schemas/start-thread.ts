/** Starts the checking thread: from the sources, or from the bundle that this file has become part of. */
import { Worker } from 'node:worker_threads';

import { schemaLimits } from './limits.ts';
import type { CheckAnswer, ThreadRequest } from './thread-messages.ts';

export interface CheckThread {
  post(request: ThreadRequest): void;
  /** No word after this. */
  end(): void;
}

export interface ThreadListener {
  ready(): void;
  answered(answer: CheckAnswer): void;
  /** It ended by itself. */
  died(message: string): void;
}

export type StartThread = (listener: ThreadListener) => CheckThread;

export const startThread: StartThread = (listener) => {
  const worker = new Worker(threadFile(import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: schemaLimits.threadMemoryMb },
  });
  let ended = false;
  const died = (message: string): void => {
    if (ended) return;
    ended = true;
    listener.died(message);
  };
  worker.unref();
  worker.on('message', (message: 'ready' | CheckAnswer) => {
    if (ended) return;
    if (message === 'ready') listener.ready();
    else listener.answered(message);
  });
  worker.on('error', (error: unknown) => died(error instanceof Error ? error.message : String(error)));
  worker.on('exit', (code) => died(`it ended with code ${code}`));
  return {
    post: (request) => worker.postMessage(request),
    end() {
      ended = true;
      void worker.terminate();
    },
  };
};

/** `self`: this module, in the sources, in a chunk of the bundle, or in its entry. */
export function threadFile(self: string): URL {
  if (self.endsWith('.ts')) return new URL('./check-thread.ts', self);
  return new URL(self.includes('/chunks/') ? '../check-thread.js' : './check-thread.js', self);
}

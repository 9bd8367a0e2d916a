/** Waits for a condition instead of sleeping, and says what it saw last when it gives up. */
import { inspect } from 'node:util';

import { fairMs } from '../process/index.ts';

export interface UntilOptions {
  /** Completes the sentence "waited for ... because". Printed on failure. */
  because: string;
  /** On a machine with a core for each task, longer on a busy one (`fairMs`). Default 5,000. */
  timeoutMs?: number;
  /** Default 10. */
  everyMs?: number;
}

/**
 * Resolves with the condition's first value that is neither `false`, `undefined` nor `null`. To show more than a boolean
 * on failure, return `{ok: boolean, ...state}`: it counts as met when `ok` is true. Exceptions count as "not yet".
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? 5_000;
  const from = performance.now();
  for (;;) {
    let last: unknown;
    try {
      const value = await condition();
      if (isMet(value)) return value as NonNullable<T>;
      last = value;
    } catch (error) {
      last = error;
    }
    const waitedMs = performance.now() - from;
    if (waitedMs >= timeoutMs && waitedMs >= fairMs(timeoutMs)) {
      throw new Error(
        `waited ${Math.round(waitedMs)} ms in vain: ${options.because}\nlast seen: ${inspect(last, { depth: 6 })}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 10));
  }
}

function isMet(value: unknown): boolean {
  if (value === false || value === undefined || value === null) return false;
  return !(typeof value === 'object' && 'ok' in value && value.ok !== true);
}

/**
 * The last steps of a process, one after the other, none of them for ever: whoever has lost the lease must be gone when the next one leads, and
 * a library that never calls back must not keep it. What did not end is named in the log, and the process ends all the same.
 */
import type { Clock, ProcessLogger } from 'quaymaster/base';

export type ClosingStep = readonly [name: string, close: () => Promise<unknown>];

/** Of one step, milliseconds; more than a step takes that waits for what is left on the wire. */
export const closingMs = 5_000;

/** Never rejects. */
export async function closeInTime(
  steps: readonly ClosingStep[],
  clock: Clock,
  logger: Pick<ProcessLogger, 'warn'>,
): Promise<void> {
  for (const [name, close] of steps) {
    const how = await outcomeOf(close, clock);
    if (how !== 'closed')
      logger.warn({ step: name, reason: how }, 'something did not close, and the operator ends without it');
  }
}

function outcomeOf(close: () => Promise<unknown>, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    const cancel = clock.after(closingMs, () => resolve(`not in ${closingMs} ms`));
    const settle = (how: string): void => {
      cancel();
      resolve(how);
    };
    close().then(
      () => settle('closed'),
      (error: unknown) => settle(error instanceof Error ? error.message : String(error)),
    );
  });
}

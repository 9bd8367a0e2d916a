/**
 * The last steps of a process, one after the other, none of them for ever. A process that has lost the lease writes nothing more (the fence
 * sees to that), but it comes back as a standby only after it has ended, and a library that never calls back must not keep it. What did not
 * close is named in the log, and the process ends all the same.
 */
import type { Clock, ProcessLogger } from 'quaymaster/base';

export type ClosingStep = readonly [name: string, close: () => Promise<unknown>];

/** For one step. A step that only waits for what is still on the wire takes less. */
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
    // A step that throws before it gives a promise is a step that failed.
    (async () => close())().then(
      () => settle('closed'),
      (error: unknown) => settle(error instanceof Error ? error.message : String(error)),
    );
  });
}

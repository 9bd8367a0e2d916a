/**
 * Required scenarios that the hub does not pass yet, under what would unblock them. The list may only shrink: a scenario that is listed and
 * passes fails the test as stale.
 */
import type { Revision } from './requirement-set.ts';

interface Blocked {
  readonly by: string;
  readonly scenarios: readonly string[];
}

export const expectedFailures: Readonly<Record<Revision, readonly Blocked[]>> = {
  '2025-11-25': [],
  '2026-07-28': [],
};

export function expectedFailureNames(revision: Revision): readonly string[] {
  return expectedFailures[revision].flatMap((group) => group.scenarios);
}

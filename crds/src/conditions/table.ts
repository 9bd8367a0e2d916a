/**
 * The one table of condition reasons: what each means, what it says and what to do. `docs/reference/conditions.md` is generated from it.
 *
 * A reason is API: never renamed, never reused for something else.
 */
import { declaredReasons } from './declared-reasons.ts';
import { observedReasons } from './observed-reasons.ts';

export const conditionTable = { ...declaredReasons, ...observedReasons } as const;

export type ConditionReason = keyof typeof conditionTable;

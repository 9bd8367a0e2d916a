/**
 * The one table of condition reasons: what each means, what it says and what to do. `docs/reference/conditions.md` is generated from it.
 *
 * A reason is API: never renamed, never reused for something else.
 */
import { clusterReasons } from './cluster-reasons.ts';
import { connectionReasons } from './connection-reasons.ts';
import { declaredReasons } from './declared-reasons.ts';
import { lifeReasons } from './life-reasons.ts';
import { listReasons } from './list-reasons.ts';
import { packageReasons } from './package-reasons.ts';

export const conditionTable = {
  ...declaredReasons,
  ...packageReasons,
  ...lifeReasons,
  ...clusterReasons,
  ...connectionReasons,
  ...listReasons,
} as const;

export type ConditionReason = keyof typeof conditionTable;

/** Conditions: the table of reasons, and how drafts become conditions. */
export { advised, draft, findReason, sentence, stamp } from './condition.ts';
export { conditionTable } from './table.ts';
export type { ConditionReason } from './table.ts';
export { conditionTypes } from './types.ts';
export type {
  Condition,
  ConditionDraft,
  ConditionRow,
  ConditionSeverity,
  ConditionStatus,
  ConditionType,
} from './types.ts';

/** Makes condition drafts from the table, and conditions in `status` from drafts. */
import { conditionTable } from './table.ts';
import type { ConditionReason } from './table.ts';
import { conditionTypes } from './types.ts';
import type { Condition, ConditionDraft, ConditionRow, ConditionType, Detail } from './types.ts';

type TypesOf<R extends ConditionReason> = keyof (typeof conditionTable)[R]['on'] & ConditionType;

const longestMessage = 32_768;

/** The condition that `reason` stands for on aspect `type`. */
export function draft<R extends ConditionReason>(type: TypesOf<R>, reason: R, detail: Detail = {}): ConditionDraft {
  const row: ConditionRow = conditionTable[reason];
  return {
    type,
    status: row.on[type] ?? 'Unknown',
    reason,
    message: row.say(detail),
    next: row.next,
    severity: row.severity,
  };
}

/** The row of a reason that came from outside (a driver), if the table has one. */
export function findReason(reason: string): ConditionRow | undefined {
  return Object.hasOwn(conditionTable, reason) ? conditionTable[reason as ConditionReason] : undefined;
}

/** Message and next step as one line for people. */
export function sentence(what: { readonly message: string; readonly next: string }): string {
  return (what.next === '' ? what.message : `${what.message}; ${what.next}`).slice(0, longestMessage);
}

/** A message of a driver with what the table advises for its reason; one that says already what to do (after `; `) stays as it is. */
export function advised(reason: string, message: string): string {
  return message.includes('; ') ? message : sentence({ message, next: findReason(reason)?.next ?? '' });
}

export interface StampInput {
  readonly drafts: readonly ConditionDraft[];
  readonly previous: readonly Condition[];
  readonly now: string;
  readonly generation?: number;
}

/**
 * Drafts as conditions: one per type in the fixed order (the last draft of a type wins), `lastTransitionTime` kept while the
 * status stays the same (Kubernetes API conventions), so that writing an unchanged state is no change.
 */
export function stamp(input: StampInput): Condition[] {
  const byType = new Map(input.drafts.map((entry) => [entry.type, entry]));
  const out: Condition[] = [];
  for (const type of conditionTypes) {
    const entry = byType.get(type);
    if (entry === undefined) continue;
    const before = input.previous.find((condition) => condition.type === type);
    out.push({
      type,
      status: entry.status,
      ...(input.generation === undefined ? {} : { observedGeneration: input.generation }),
      lastTransitionTime: before?.status === entry.status ? before.lastTransitionTime : input.now,
      reason: entry.reason,
      message: sentence(entry),
    });
  }
  return out;
}

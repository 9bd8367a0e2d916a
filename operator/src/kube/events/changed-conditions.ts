/** Which conditions of an object flipped between two states of its status: the moments that deserve an event, and no others. Pure. */
export interface ConditionLike {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export function changedConditions<C extends ConditionLike>(
  before: readonly ConditionLike[] | undefined,
  after: readonly C[],
): readonly C[] {
  const known = new Map((before ?? []).map((condition) => [condition.type, condition]));
  return after.filter((condition) => {
    const old = known.get(condition.type);
    // A message that changes by itself (a count, a time) is no transition.
    return old === undefined || old.status !== condition.status || old.reason !== condition.reason;
  });
}

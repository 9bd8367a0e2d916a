/** Shapes around the condition table. */

/** Aspects of an object's state, in the order in which they are shown. */
export const conditionTypes = [
  'Accepted',
  'ResolvedRefs',
  'Programmed',
  'Ready',
  'Reconciling',
  'Stalled',
  'Degraded',
  'Insecure',
] as const;
export type ConditionType = (typeof conditionTypes)[number];
export type ConditionStatus = 'True' | 'False' | 'Unknown';
export type ConditionSeverity = 'info' | 'warning' | 'error';
export type Detail = Readonly<Record<string, string | number>>;

export interface ConditionRow {
  /** For which aspects the reason is used, and what status it means there. */
  readonly on: { readonly [T in ConditionType]?: ConditionStatus };
  readonly kinds: readonly ('McpServer' | 'McpHub')[];
  readonly severity: ConditionSeverity;
  /** The situation, for the reference. */
  readonly meaning: string;
  readonly say: (detail: Detail) => string;
  /** What the reader does now; empty when nothing is to be done. */
  readonly next: string;
}

/** What is so, before a driver gives it a time. */
export interface ConditionDraft {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly next: string;
  readonly severity: ConditionSeverity;
}

/** A condition as it stands in `status`. */
export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

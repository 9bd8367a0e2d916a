/** What the event loop and the checking thread say to each other. Plain data, so that a copy of it is enough. */

/** A value to check. `text` comes with the first check of a schema that the thread has not seen. */
export interface CheckRequest {
  readonly n: number;
  readonly schema: number;
  readonly text?: string;
  readonly value: string;
}

/** A schema that is not wanted any more. */
export interface ForgetRequest {
  readonly forget: number;
}

export type ThreadRequest = CheckRequest | ForgetRequest;

/** `unusable`: nothing can be checked against this schema. */
export type Verdict =
  | { readonly kind: 'fits' }
  | { readonly kind: 'misfit'; readonly pointer: string; readonly message: string }
  | { readonly kind: 'unusable'; readonly message: string };

export interface CheckAnswer {
  readonly n: number;
  readonly verdict: Verdict;
}

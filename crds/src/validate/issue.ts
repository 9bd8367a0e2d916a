import type { ManifestOrigin } from '../manifest/index.ts';

/** One thing wrong with one manifest. */
export interface Issue {
  /** Where in the object: `spec.source.npm.version`, `spec.env[2].name`; empty for the whole object. */
  readonly path: string;
  readonly code: 'unknownKind' | 'unknownField' | 'required' | 'type' | 'value' | 'length' | 'duplicate' | 'rule';
  readonly message: string;
  /** What to do about it; may be empty when the message says it. */
  readonly next: string;
  readonly origin?: ManifestOrigin;
}

/** `path: message; next` for one line of output. */
export function describeIssue(issue: Issue): string {
  const body = issue.next === '' ? issue.message : `${issue.message}; ${issue.next}`;
  return issue.path === '' ? body : `${issue.path}: ${body}`;
}

/** One thing `qm doctor` looked at. */
export interface Finding {
  /** `missing`: something that only some servers need. `broken`: something that should work and does not. */
  readonly level: 'good' | 'missing' | 'broken';
  readonly subject: string;
  readonly message: string;
  /** What to do; empty when all is well. */
  readonly fix: string;
}

export function good(subject: string, message: string): Finding {
  return { level: 'good', subject, message, fix: '' };
}

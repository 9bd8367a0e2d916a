/**
 * What is said to people about their files: one line each, with the place and the next step.
 *
 * `error`: something is left out or nothing can run. `warning`: it runs, less well than written. `note`: worth knowing.
 */
export type ProblemLevel = 'error' | 'warning' | 'note';

export interface Position {
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly level: ProblemLevel;
  /** As the user named it; undefined when it belongs to no file. */
  readonly file: string | undefined;
  readonly position: Position | undefined;
  /** `McpServer default/files`, when it belongs to an object. */
  readonly subject: string | undefined;
  /** Field inside the object (`spec.source.npm.version`), or empty. */
  readonly path: string;
  readonly message: string;
  /** What to do now; empty when the message says it. */
  readonly next: string;
}

/** Fills in what is absent, so that callers name only what they know. */
export function problem(level: ProblemLevel, message: string, next = '', where: ProblemPlace = {}): Problem {
  return {
    level,
    file: where.file,
    position: where.position,
    subject: where.subject,
    path: where.path ?? '',
    message,
    next,
  };
}

export interface ProblemPlace {
  readonly file?: string | undefined;
  readonly position?: Position | undefined;
  readonly subject?: string | undefined;
  readonly path?: string;
}

/** `file:line:column: error: spec.x: message; next step` (the form editors and terminals make clickable). */
export function formatProblem(one: Problem): string {
  const place = formatPlace(one);
  const head = place === '' ? `${one.level}: ` : `${place}: ${one.level}: `;
  const about = one.path === '' ? (one.subject ?? '') : one.path;
  const body = about === '' ? one.message : `${about}: ${one.message}`;
  return one.next === '' ? head + body : `${head}${body}; ${one.next}`;
}

function formatPlace(one: Problem): string {
  if (one.file === undefined) return '';
  if (one.position === undefined) return one.file;
  return `${one.file}:${one.position.line}:${one.position.column}`;
}

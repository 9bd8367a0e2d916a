/**
 * What does not fit, in words: the place as a JSON pointer and what was expected there (EF-23).
 *
 * Never quotes a value: arguments and results may hold secrets, and the explanation goes to logs. Names that the caller chose are cut.
 */
import type { ErrorObject } from 'ajv';

import { schemaLimits } from './limits.ts';

export interface Explanation {
  readonly pointer: string;
  readonly message: string;
}

/** `errors` as ajv leaves them after the first fault: those inside alternatives first, the one that decided last. */
export function explain(errors: readonly ErrorObject[]): Explanation {
  const deciding = errors.at(-1);
  if (deciding === undefined) return { pointer: '', message: 'does not fit the schema' };
  const inner = isAlternative(deciding) ? deepest(errors.slice(0, -1)) : undefined;
  const told = sentence(deciding);
  const message = inner === undefined ? told : `${told}; nearest: ${sentence(inner)}`;
  return { pointer: cut(deciding.instancePath, 200), message: cut(message, schemaLimits.explanation) };
}

function isAlternative({ keyword }: ErrorObject): boolean {
  return keyword === 'anyOf' || keyword === 'oneOf';
}

/** The alternative that got furthest says best what was meant. */
function deepest(errors: readonly ErrorObject[]): ErrorObject | undefined {
  let best: ErrorObject | undefined;
  for (const error of errors)
    if (best === undefined || error.instancePath.length > best.instancePath.length) best = error;
  return best;
}

function sentence(error: ErrorObject): string {
  const at = error.instancePath === '' ? '(root)' : cut(error.instancePath, 200);
  return `${at} ${expected(error)}`;
}

function expected({ keyword, params, message }: ErrorObject): string {
  const detail = params as Readonly<Record<string, unknown>>;
  switch (keyword) {
    case 'additionalProperties':
      return `must not have the property ${name(detail['additionalProperty'])}`;
    case 'unevaluatedProperties':
      return `must not have the property ${name(detail['unevaluatedProperty'])}`;
    case 'required':
      return `must have the property ${name(detail['missingProperty'])}`;
    case 'enum':
      return `must be one of ${listed(detail['allowedValues'])}`;
    case 'const':
      return `must be ${listed([detail['allowedValue']])}`;
    default:
      return message ?? `must fit ${keyword}`;
  }
}

function name(value: unknown): string {
  return cut(JSON.stringify(value) ?? '', 100);
}

/** These are the schema's own words, not the caller's. */
function listed(values: unknown): string {
  return cut(Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(', ') : '', 200);
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

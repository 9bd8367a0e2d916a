/**
 * Patterns that many fields share, each with the words that explain it better than the pattern does.
 *
 * Plain constants: schemas are built from them, and messages at run time speak of them without loading the schemas.
 */
import { bytesPattern, durationPattern } from './units.ts';

/** A DNS label: what may name a Service, a Pod label value and the first half of a tool name. */
export const labelPattern = '^[a-z]([-a-z0-9]*[a-z0-9])?$';
/** The name of a Secret, ConfigMap or claim. */
export const objectNamePattern = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
/** A tool name as a server gives it. */
export const toolNamePattern = '^[!-~]+$';
export const npmVersionPattern = '^[0-9]+\\.[0-9]+\\.[0-9]+([-+][0-9A-Za-z.+-]+)?$';
export const pypiVersionPattern = '^[0-9][0-9A-Za-z.+!_-]*$';

/** In words, by pattern. */
export const forms: ReadonlyMap<string, string> = new Map([
  [durationPattern, 'write a duration such as 500ms, 30s or 1m30s'],
  [bytesPattern, 'write a size such as 512Ki or 4Mi'],
  [labelPattern, 'use lower-case letters, digits and -, starting with a letter'],
  [objectNamePattern, 'use lower-case letters, digits, - and .'],
  [toolNamePattern, 'use printable characters without blanks'],
  [npmVersionPattern, 'write one exact version such as 1.2.3; ranges and tags change under you'],
  [pypiVersionPattern, 'write one exact version such as 1.2.3, without an operator'],
]);

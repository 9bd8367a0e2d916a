/** What a question costs its client's model at most (2025-11-25 client/sampling: `maxTokens`). Pure; runs once per question. */
import { memberRaw } from './edit.ts';
import { parseRaw } from './raw.ts';
import type { ScannedObject } from './scanner.ts';

/** 0 for other questions, and for a request that names no number: the client's own default bounds that. */
export function tokensWanted(method: string, params: ScannedObject | undefined): number {
  if (method !== 'sampling/createMessage') return 0;
  const raw = memberRaw(params, 'maxTokens');
  const value = raw === undefined ? undefined : parseRaw(raw);
  return typeof value === 'number' && value > 0 ? value : 0;
}

/** One text from the instructions of all servers: each under its server's heading, bounded so that no server can fill a model's context. */
import { encodeText, parseRaw, rawOf, type RawJson } from '../wire/index.ts';
import type { ListedServer } from './candidate.ts';

const maxPerServer = 4_096;
const maxTotal = 32_768;

/** `own` replaces what servers say. A hub with a single server passes its text on without a heading. */
export function mergeInstructions(
  own: string | undefined,
  servers: readonly ListedServer[],
  isSingle: boolean,
): RawJson | undefined {
  if (own !== undefined) return rawOf(own);
  let text = '';
  for (const { config, listing } of servers) {
    const said = textOf(listing.instructions);
    if (said === '') continue;
    const part = isSingle ? said : `## ${config.prefix}\n${cut(said, maxPerServer)}`;
    const joined = text === '' ? part : `${text}\n\n${part}`;
    if (joined.length > maxTotal) {
      if (text === '') text = cut(joined, maxTotal);
      break;
    }
    text = joined;
  }
  return text === '' ? undefined : (encodeText(JSON.stringify(text)) as RawJson);
}

function textOf(raw: RawJson | undefined): string {
  if (raw === undefined) return '';
  const value = parseRaw(raw);
  return typeof value === 'string' ? value.trim() : '';
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}

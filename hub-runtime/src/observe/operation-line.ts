/**
 * The log line of one finished call, as JSON text (EF-71).
 *
 * Built by hand because it is written for every call: known parts are joined, free text (method, target) is cleaned, masked and quoted once
 * and then found in a bounded cache. Field names are contract: docs/reference/logs.md, and a schema test.
 */
import { type Clock, type ErrorRow, errorTable } from '../base/index.ts';
import { cleanName } from './label-values.ts';
import type { CallRecord } from './observer.ts';

const cacheSize = 1024;
const longestText = 256;

export function createOperationLine(clock: Clock): (record: CallRecord) => string {
  const quoted = new Map<string, string>();
  let second = -1;
  let prefix = '';

  const quote = (text: string): string => {
    const known = quoted.get(text);
    if (known !== undefined) return known;
    const short = text.length > longestText ? `${text.slice(0, longestText)}...` : text;
    const made = JSON.stringify(cleanName(short));
    if (text.length <= longestText) {
      if (quoted.size >= cacheSize) quoted.clear();
      quoted.set(text, made);
    }
    return made;
  };
  const timeStamp = (): string => {
    const now = clock.now();
    const whole = Math.floor(now / 1000);
    if (whole !== second) {
      second = whole;
      prefix = new Date(whole * 1000).toISOString().slice(0, 20);
    }
    return `${prefix}${String(Math.floor(now - whole * 1000)).padStart(3, '0')}Z`;
  };

  return (record) => {
    let line = `{"level":"info","time":"${timeStamp()}","msg":"call","requestId":${quoteId(record.requestId)},"hub":${quote(record.hub)}`;
    if (record.server !== undefined) line += `,"server":${quote(record.server)}`;
    line += `,"method":${quote(record.method)}`;
    if (record.target !== undefined) line += `,"target":${quote(record.target)}`;
    line += `,"era":"${record.era}"`;
    if (record.upstreamEra !== undefined) line += `,"upstreamEra":"${record.upstreamEra}"`;
    line += `,"outcome":"${record.outcome}"`;
    if (record.code !== undefined) line += `,"code":${record.code}`;
    if (record.errorCode !== undefined)
      line += `,"errorCode":"${record.errorCode}","severity":"${severityOf(record.errorCode)}"`;
    line += `,"durationMs":${Math.round(record.durationMs * 1000) / 1000},"bytesIn":${record.bytesIn},"bytesOut":${record.bytesOut}`;
    if (record.sessionId !== undefined) line += `,"session":${quoteId(record.sessionId)}`;
    return `${line},"rpcId":${rpcId(record.rpcId)}}`;
  };
}

function severityOf(code: string): ErrorRow['severity'] {
  return (errorTable as Readonly<Record<string, ErrorRow>>)[code]?.severity ?? 'low';
}

/** Numbers are JSON as they are; a string is the client's free text. */
function rpcId(raw: string): string {
  return /^-?\d{1,20}$/.test(raw) ? raw : JSON.stringify(cleanName(raw.replace(/^"|"$/g, '').slice(0, 128)));
}

/** Ids of the hub's own making need no escaping; anything else does. They are never cached: each is new. */
function quoteId(id: string): string {
  return /^[\w.:-]{1,128}$/.test(id) ? `"${id}"` : JSON.stringify(cleanName(id.slice(0, 128)));
}

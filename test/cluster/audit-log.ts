/**
 * Reads the API server's audit log: the only witness of who wrote what that no client can argue with.
 *
 * A request is counted once, at its end. Dry runs are no writes. A watch that still runs is not in it yet.
 */
import { readFile } from 'node:fs/promises';

export interface AuditEvent {
  readonly at: Date;
  readonly verb: string;
  readonly user: string;
  readonly userAgent: string;
  /** `deployments`, `deployments/status`, ... or the path of a request that names no resource. */
  readonly resource: string;
  readonly group: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly code: number;
  readonly uri: string;
}

const writing = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

export function isWrite(event: AuditEvent): boolean {
  return writing.has(event.verb) && !new URL(event.uri, 'http://api').searchParams.has('dryRun');
}

export async function readAuditLog(path: string, since: Date): Promise<AuditEvent[]> {
  return parseAuditLog(await readFile(path, 'utf8'), since);
}

/** A last line without its end is still being written, and left for the next reading. */
export function parseAuditLog(text: string, since: Date): AuditEvent[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.flatMap((line) => {
    const event = line === '' ? undefined : parseLine(line);
    return event === undefined || event.at < since ? [] : [event];
  });
}

interface RawEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user: { readonly username?: string };
  readonly requestReceivedTimestamp: string;
  readonly responseStatus?: { readonly code?: number };
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
}

function parseLine(line: string): AuditEvent | undefined {
  const raw = JSON.parse(line) as RawEvent;
  if (raw.stage !== 'ResponseComplete' && raw.stage !== 'Panic') return undefined;
  const { resource, subresource, apiGroup = '', namespace, name } = raw.objectRef ?? {};
  return {
    at: new Date(raw.requestReceivedTimestamp),
    verb: raw.verb,
    user: raw.user.username ?? '',
    userAgent: raw.userAgent ?? '',
    resource: [resource ?? raw.requestURI, subresource].filter(Boolean).join('/'),
    group: apiGroup,
    namespace,
    name,
    code: raw.responseStatus?.code ?? 0,
    uri: raw.requestURI,
  };
}

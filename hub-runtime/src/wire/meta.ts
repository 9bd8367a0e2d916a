/**
 * `params._meta` across a hop: what the edge reads out of a client's `_meta`, and what a lane writes for its server.
 *
 * Runs once per request on each side. The reserved envelope of 2026-07-28 belongs to one hop and is rebuilt for the next;
 * the progress token is the hub's own per hop; `dev.quaymaster/*` from a client is dropped, so nobody can forge it.
 * Everything else (vendor keys, traceparent, tracestate, baggage) keeps its bytes. Never parses a value.
 */
import { memberRaw } from './edit.ts';
import { quoted } from './message.ts';
import { parseRaw, type RawJson, rawOf } from './raw.ts';
import { metaKey, modernRevision } from './revisions.ts';
import type { ScannedObject } from './scanner.ts';
import { isTraceparent } from './trace-context.ts';

/** What the edge decides on. Raw values, checked for their JSON type only by `envelopeFault`. */
export interface RequestMeta {
  readonly protocolVersion: RawJson | undefined;
  readonly clientCapabilities: RawJson | undefined;
  readonly clientInfo: RawJson | undefined;
  readonly logLevel: RawJson | undefined;
  readonly progressToken: RawJson | undefined;
}

const noMeta: RequestMeta = {
  protocolVersion: undefined,
  clientCapabilities: undefined,
  clientInfo: undefined,
  logLevel: undefined,
  progressToken: undefined,
};

const ownPrefix = 'dev.quaymaster/';

export function readMeta(meta: ScannedObject | undefined): RequestMeta {
  if (meta === undefined || meta.members.length === 0) return noMeta;
  let protocolVersion: RawJson | undefined;
  let clientCapabilities: RawJson | undefined;
  let clientInfo: RawJson | undefined;
  let logLevel: RawJson | undefined;
  let progressToken: RawJson | undefined;
  for (const member of meta.members) {
    switch (member.key) {
      case metaKey.protocolVersion:
        protocolVersion = plain(meta.raw.slice(member.start, member.end));
        break;
      case metaKey.clientCapabilities:
        clientCapabilities = meta.raw.slice(member.start, member.end) as RawJson;
        break;
      case metaKey.clientInfo:
        clientInfo = meta.raw.slice(member.start, member.end) as RawJson;
        break;
      case metaKey.logLevel:
        logLevel = plain(meta.raw.slice(member.start, member.end));
        break;
      case metaKey.progressToken:
        progressToken = meta.raw.slice(member.start, member.end) as RawJson;
        break;
      default:
    }
  }
  return { protocolVersion, clientCapabilities, clientInfo, logLevel, progressToken };
}

/** A string that is compared as raw JSON must not hide behind escapes. */
function plain(raw: string): RawJson {
  return raw.includes('\\') ? rawOf(parseRaw(raw)) : (raw as RawJson);
}

/** True when the request carries the envelope mechanism of 2026-07-28 at all (well-formed or not). */
export function claimsModern(params: ScannedObject | undefined): boolean {
  return memberRaw(params?.meta, metaKey.protocolVersion) !== undefined;
}

/** The constant part of a modern envelope, built once per conversation and given to `upstreamMeta`. */
export function modernEnvelope(clientInfo: RawJson, capabilities: RawJson): string {
  return (
    `${quoted(metaKey.protocolVersion)}:${quoted(modernRevision)},` +
    `${quoted(metaKey.clientCapabilities)}:${capabilities},${quoted(metaKey.clientInfo)}:${clientInfo}`
  );
}

/**
 * The `_meta` of a request on its way to a server, or undefined when there is nothing to say.
 * `envelope` is '' for a legacy server. `progressToken` is the hub's own, undefined when the client asked for none. `hops`: to another hub only.
 * `trace`: members of a trace context that came beside `meta`; its own counts first.
 */
export function upstreamMeta(
  meta: ScannedObject | undefined,
  envelope: string,
  progressToken: number | undefined,
  logLevel?: string,
  hops?: string,
  trace?: string,
): RawJson | undefined {
  let out = envelope;
  if (envelope !== '' && logLevel !== undefined) out += `,${quoted(metaKey.logLevel)}:${quoted(logLevel)}`;
  if (progressToken !== undefined) out += (out === '' ? '' : ',') + `"progressToken":${progressToken}`;
  if (hops !== undefined) out += (out === '' ? '' : ',') + `${quoted(metaKey.hops)}:${quoted(hops)}`;
  const beside = trace === undefined || isTraced(meta) ? '' : trace;
  if (meta !== undefined)
    for (const member of meta.members) {
      if (isPerHop(member.key)) continue;
      if (member.key === 'traceparent' && !isTraceparent(meta.raw.slice(member.start + 1, member.end - 1))) continue;
      // One context, not the parts of two: no key twice.
      if (beside !== '' && beside.includes(`"${member.key}":`)) continue;
      if (out !== '') out += ',';
      out += meta.raw.slice(member.keyStart, member.end);
    }
  if (beside !== '') out += (out === '' ? '' : ',') + beside;
  return out === '' ? undefined : (`{${out}}` as RawJson);
}

function isTraced(meta: ScannedObject | undefined): boolean {
  return isTraceparent(memberRaw(meta, 'traceparent')?.slice(1, -1) ?? '');
}

/** Keys that never cross the hub as they came. */
function isPerHop(key: string): boolean {
  switch (key) {
    case metaKey.protocolVersion:
    case metaKey.clientCapabilities:
    case metaKey.clientInfo:
    case metaKey.logLevel:
    case metaKey.serverInfo:
    case metaKey.subscriptionId:
    case metaKey.progressToken:
      return true;
    default:
      return key.startsWith(ownPrefix);
  }
}

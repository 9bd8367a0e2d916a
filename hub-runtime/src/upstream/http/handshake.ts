/**
 * The two ways into a conversation over HTTP: `server/discover` (2026-07-28) and `initialize` (older), each read into one verdict.
 *
 * Rule of decision (protocol 1.3): only what a server *says* about the protocol decides its era. A refusal of credentials, an overload, a
 * broken connection say nothing and end the attempt; silence to `server/discover` lets the older handshake be tried.
 */
import {
  latestLegacyRevision,
  legacyRevisions,
  memberRaw,
  memberString,
  metaKey,
  modernRevision,
  parseRaw,
  type RawJson,
  rpcCode,
  type ScannedObject,
  scanObject,
} from '../../wire/index.ts';
import { printable, rpcFailure } from '../answer.ts';
import { ConnectError } from '../conversation.ts';
import { reasonGiven } from './given-reason.ts';
import type { Handshake } from './http-conversation.ts';
import type { LegacyHandshake } from './legacy-session.ts';
import { httpLimits } from './limits.ts';
import type { Reply } from './post.ts';

/** What `server/discover` told. */
export type Discovery =
  | { readonly verdict: 'modern'; readonly handshake: Handshake }
  /** It answers in the older way, or not at all. */
  | { readonly verdict: 'legacy'; readonly because: string }
  /** Nothing about the era: the attempt has failed. */
  | { readonly verdict: 'none'; readonly error: ConnectError };

const nothing: ScannedObject = { raw: '{}' as RawJson, start: 0, end: 2, members: [], meta: undefined };

export function readDiscovery(reply: Reply): Discovery {
  if (reply.kind === 'failure') {
    if (reply.failure.kind === 'timeout' || reply.failure.kind === 'cut')
      return { verdict: 'legacy', because: `server/discover was not answered (${reply.failure.reason})` };
    return { verdict: 'none', error: networkError(reply) };
  }
  const { status, message } = reply;
  const given = reasonGiven(status, message);
  if (given !== undefined) return { verdict: 'none', error: given };
  const refusal = statusError(status);
  const isCredentials = status === 401 || status === 403;
  if (refusal !== undefined && (message === undefined || isCredentials)) return { verdict: 'none', error: refusal };
  if (message?.result !== undefined) return readDiscoverResult(message.result);
  const failure = message?.error === undefined ? undefined : rpcFailure(message.error);
  if (failure !== undefined) {
    if (failure.code === rpcCode.unsupportedVersion) return readUnsupported(failure.data);
    if (failure.code === rpcCode.headerMismatch || failure.code === rpcCode.missingCapability)
      return failed('HandshakeFailed', `it refuses server/discover (${failure.code}: ${printable(failure.message)})`);
    if (refusal !== undefined) return { verdict: 'none', error: refusal };
  }
  return { verdict: 'legacy', because: `server/discover: HTTP ${status}` };
}

export function readDiscoverResult(result: ScannedObject): Discovery {
  const versions = memberRaw(result, 'supportedVersions');
  const supported: unknown = versions === undefined ? undefined : parseRaw(versions);
  if (!Array.isArray(supported)) return { verdict: 'legacy', because: 'server/discover: no supportedVersions' };
  if (!supported.includes(modernRevision)) return otherVersions(supported);
  return {
    verdict: 'modern',
    handshake: {
      revision: modernRevision,
      serverInfo: memberRaw(result.meta, metaKey.serverInfo),
      instructions: stringMember(result, 'instructions'),
      capabilities: objectMember(result, 'capabilities'),
    },
  };
}

function readUnsupported(data: RawJson | undefined): Discovery {
  const supported = data === undefined ? undefined : memberRaw(scanObject(data), 'supported');
  const versions: unknown = supported === undefined ? [] : parseRaw(supported);
  return otherVersions(Array.isArray(versions) ? versions : []);
}

function otherVersions(versions: readonly unknown[]): Discovery {
  if (versions.some((one) => legacyRevisions.includes(one as never)))
    return { verdict: 'legacy', because: `it speaks ${printable(versions.join(', '))}` };
  const named = versions.length === 0 ? 'none that it names' : printable(versions.join(', '));
  return failed('UnsupportedProtocolVersion', `it speaks no revision this hub knows (${named})`);
}

/** What `initialize` told: the session, or why there is none. `modern`: it asks for the newer era. */
export type Initialized =
  | { readonly verdict: 'legacy'; readonly handshake: LegacyHandshake }
  | { readonly verdict: 'modern' }
  | { readonly verdict: 'none'; readonly error: ConnectError; readonly status: number };

export const initializeVersion = latestLegacyRevision;

export function readInitialize(reply: Reply): Initialized {
  if (reply.kind === 'failure') return { verdict: 'none', error: networkError(reply), status: 0 };
  const { status, message } = reply;
  const none = (error: ConnectError): Initialized => ({ verdict: 'none', error, status });
  const given = reasonGiven(status, message);
  if (given !== undefined) return none(given);
  const refusal = statusError(status);
  if (refusal !== undefined && (message === undefined || status === 401 || status === 403)) return none(refusal);
  const failure = message?.error === undefined ? undefined : rpcFailure(message.error);
  if (failure !== undefined) {
    if (isModernRefusal(failure.code)) return { verdict: 'modern' };
    const said = `it refuses initialize (${failure.code}: ${printable(failure.message)})`;
    return none(new ConnectError('HandshakeFailed', said, true));
  }
  if (message?.result === undefined)
    return none(
      new ConnectError('HandshakeFailed', `it answers initialize with HTTP ${status} and no MCP message`, true),
    );
  return readInitializeResult(message.result, reply.sessionId, none);
}

function readInitializeResult(
  result: ScannedObject,
  sessionId: string | undefined,
  none: (error: ConnectError) => Initialized,
): Initialized {
  const revision = memberString(result, 'protocolVersion');
  if (revision === undefined || !legacyRevisions.includes(revision as never)) {
    const named = revision === undefined ? 'no protocolVersion' : `protocolVersion "${printable(revision)}"`;
    const text = `it answers initialize with ${named}, which this hub does not speak`;
    return none(new ConnectError('UnsupportedProtocolVersion', text, false));
  }
  if (sessionId !== undefined && (sessionId.length > httpLimits.sessionIdLength || !/^[\x21-\x7e]+$/.test(sessionId)))
    return none(new ConnectError('HandshakeFailed', 'its session id is not visible ASCII, or too long', true));
  return {
    verdict: 'legacy',
    handshake: {
      revision,
      serverInfo: memberRaw(result, 'serverInfo'),
      instructions: stringMember(result, 'instructions'),
      capabilities: objectMember(result, 'capabilities'),
      sessionId,
    },
  };
}

/** Codes only a 2026-07-28 server gives to an `initialize`. */
function isModernRefusal(code: number): boolean {
  return (
    code === rpcCode.unsupportedVersion ||
    code === rpcCode.headerMismatch ||
    code === rpcCode.missingCapability ||
    code === rpcCode.methodNotFound
  );
}

/** Statuses that say nothing about the era. */
export function statusError(status: number): ConnectError | undefined {
  if (status === 401 || status === 403)
    return new ConnectError(
      'CredentialsRefused',
      `it refuses the hub's credentials (HTTP ${status}); set headers in spec.source`,
      true,
    );
  if (status >= 300 && status < 400)
    return new ConnectError(
      'Unreachable',
      `it redirects (HTTP ${status}), which is not followed; set the final URL`,
      false,
    );
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    return new ConnectError('Unreachable', `it answers HTTP ${status}`, true);
  return undefined;
}

function networkError(reply: Extract<Reply, { kind: 'failure' }>): ConnectError {
  const { kind, reason } = reply.failure;
  if (kind === 'timeout') return new ConnectError('HandshakeFailed', 'it did not answer the handshake in time', true);
  if (kind === 'refused') return new ConnectError('HandshakeFailed', reason, true);
  return new ConnectError('Unreachable', `it cannot be reached: ${reason}`, true);
}

function failed(reason: string, message: string): Discovery {
  return { verdict: 'none', error: new ConnectError(reason, message, true) };
}

function stringMember(object: ScannedObject, key: string): RawJson | undefined {
  const raw = memberRaw(object, key);
  return raw !== undefined && raw.charCodeAt(0) === 34 ? raw : undefined;
}

function objectMember(object: ScannedObject, key: string): ScannedObject {
  const raw = memberRaw(object, key);
  return (raw === undefined ? undefined : scanObject(raw)) ?? nothing;
}

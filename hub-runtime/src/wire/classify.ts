/**
 * Which era a POSTed message belongs to, and whether its headers agree with it.
 *
 * When it runs: once per message at the HTTP edge, on the scanned message; it never throws and touches no transport.
 * The body decides (2026-07-28, basic/versioning): `params._meta` names a protocol version = modern, anything else = legacy;
 * `initialize` without that claim is legacy by definition. Headers never change the era, they only have to agree:
 *  - claim with a malformed envelope                                -> 400 -32602
 *  - MCP-Protocol-Version differs from the envelope, or is missing  -> 400 -32020
 *  - the version is not served                                      -> 400 -32022 with `supported` and `requested`
 *  - Mcp-Method, or Mcp-Name where the method has one, missing or different -> 400 -32020
 *  - modern header but no envelope                                  -> 400 -32602 (initialize: 400 -32020)
 * Notifications need no headers, but those that are there must agree.
 */
import { memberString } from './edit.ts';
import { decodeHeaderValue, nameMember, trimOws } from './headers.ts';
import { readMeta, type RequestMeta } from './meta.ts';
import { decodeText, type RawJson, rawOf } from './raw.ts';
import { metaKey, modernRevision, rpcCode } from './revisions.ts';
import type { ScannedMessage } from './scan.ts';

/** As node:http gives them: lower-case names, duplicates joined. */
export interface MirroredHeaders {
  readonly [name: string]: string | string[] | undefined;
}

export interface Classified {
  readonly era: 'modern' | 'legacy';
  readonly meta: RequestMeta;
}

export interface ClassifyFault {
  readonly era: 'fault';
  readonly code: number;
  readonly message: string;
  readonly data: RawJson | undefined;
}

const logLevels = new Set(['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']);
const modernRevisionRaw = `"${modernRevision}"`;

/** For messages over HTTP. */
export function classifyPost(message: ScannedMessage, headers: MirroredHeaders): Classified | ClassifyFault {
  const meta = readMeta(message.params?.meta);
  const header = headers['mcp-protocol-version'];
  const version = header === undefined ? undefined : trimOws(String(header));
  if (meta.protocolVersion === undefined) return unclaimed(message, meta, version);
  if (message.kind === 'notification') return claimedNotification(message, meta, version, headers);
  const malformed = envelopeFault(meta);
  if (malformed !== undefined) return malformed;
  if (version === undefined) return mismatch('the MCP-Protocol-Version header is missing');
  if (`"${version}"` !== meta.protocolVersion)
    return mismatch(`the MCP-Protocol-Version header differs from _meta["${metaKey.protocolVersion}"]`);
  if (meta.protocolVersion !== modernRevisionRaw) return unsupportedVersion(version);
  return headersFault(message, headers) ?? { era: 'modern', meta };
}

/** For messages on a pipe, where nothing is mirrored. */
export function classifyPiped(message: ScannedMessage): Classified | ClassifyFault {
  const meta = readMeta(message.params?.meta);
  if (meta.protocolVersion === undefined) return { era: 'legacy', meta };
  if (message.kind === 'notification') return { era: 'modern', meta };
  const malformed = envelopeFault(meta);
  if (malformed !== undefined) return malformed;
  if (meta.protocolVersion !== modernRevisionRaw) return unsupportedVersion(meta.protocolVersion.slice(1, -1));
  return { era: 'modern', meta };
}

/** The error for a version that is not served, as the spec wants it. `requested` is client text in byte form. */
export function unsupportedVersion(requested: string | undefined): ClassifyFault {
  return {
    era: 'fault',
    code: rpcCode.unsupportedVersion,
    message: 'this protocol version is not served here',
    data: rawOf({
      supported: [modernRevision],
      ...(requested !== undefined && { requested: decodeText(requested) }),
    }),
  };
}

function unclaimed(
  message: ScannedMessage,
  meta: RequestMeta,
  version: string | undefined,
): Classified | ClassifyFault {
  if (version !== modernRevision) return { era: 'legacy', meta };
  if (message.kind === 'notification') return { era: 'modern', meta };
  if (message.kind === 'response') return { era: 'legacy', meta };
  if (message.method === 'initialize')
    return mismatch(`"initialize" does not exist in the version that the MCP-Protocol-Version header names`);
  return envelopeMissing(metaKey.protocolVersion);
}

function claimedNotification(
  message: ScannedMessage,
  meta: RequestMeta,
  version: string | undefined,
  headers: MirroredHeaders,
): Classified | ClassifyFault {
  if (version !== undefined && `"${version}"` !== meta.protocolVersion)
    return mismatch(`the MCP-Protocol-Version header differs from _meta["${metaKey.protocolVersion}"]`);
  const method = headers['mcp-method'];
  if (method !== undefined && decodeHeaderValue(String(method)) !== message.method)
    return mismatch('the Mcp-Method header differs from the body');
  return { era: 'modern', meta };
}

function envelopeFault(meta: RequestMeta): ClassifyFault | undefined {
  if (meta.protocolVersion!.charCodeAt(0) !== 34) return envelopeInvalid(metaKey.protocolVersion, 'a string');
  if (meta.clientCapabilities === undefined) return envelopeMissing(metaKey.clientCapabilities);
  if (meta.clientCapabilities.charCodeAt(0) !== 123) return envelopeInvalid(metaKey.clientCapabilities, 'an object');
  if (meta.clientInfo !== undefined && meta.clientInfo.charCodeAt(0) !== 123)
    return envelopeInvalid(metaKey.clientInfo, 'an object');
  if (meta.logLevel !== undefined && !logLevels.has(meta.logLevel.slice(1, -1)))
    return envelopeInvalid(metaKey.logLevel, 'a log level');
  return undefined;
}

function headersFault(message: ScannedMessage, headers: MirroredHeaders): ClassifyFault | undefined {
  const method = headers['mcp-method'];
  if (method === undefined) return mismatch('the Mcp-Method header is missing');
  if (method !== message.method && trimOws(String(method)) !== message.method)
    return mismatch('the Mcp-Method header differs from the body');
  const member = nameMember(message.method);
  if (member === undefined) return undefined;
  const name = headers['mcp-name'];
  const expected = memberString(message.params, member);
  if (name === undefined) return expected === undefined ? undefined : mismatch('the Mcp-Name header is missing');
  const decoded = decodeHeaderValue(String(name));
  if (decoded === undefined) return mismatch('the Mcp-Name header is not a valid header value');
  return expected === undefined || decoded === expected
    ? undefined
    : mismatch(`the Mcp-Name header differs from params.${member}`);
}

function mismatch(message: string): ClassifyFault {
  return { era: 'fault', code: rpcCode.headerMismatch, message, data: undefined };
}

function envelopeMissing(key: string): ClassifyFault {
  return invalidEnvelope(`_meta["${key}"] is missing`);
}

function envelopeInvalid(key: string, wanted: string): ClassifyFault {
  return invalidEnvelope(`_meta["${key}"] must be ${wanted}`);
}

function invalidEnvelope(message: string): ClassifyFault {
  return { era: 'fault', code: rpcCode.invalidParams, message, data: undefined };
}

/**
 * What a server answered, as the one outcome of a call: shared by all transports.
 *
 * A server's own error keeps code, message and data. What concerns only the hop between hub and server (a header the hub set, a version it
 * named) is not the client's business and becomes QM_UPSTREAM_PROTOCOL. Never looks into a result beyond `resultType`.
 */
import type { Era } from '@quaymaster/crds';

import { type ErrorOutcome, hubError, type Outcome } from '../exchange/index.ts';
import {
  decodeText,
  mayAsk,
  memberRaw,
  memberString,
  parseRaw,
  type RawJson,
  rpcCode,
  type ScannedMessage,
  scanObject,
} from '../wire/index.ts';

/** Who answered, and in which era. */
export interface Answerer {
  readonly era: Era;
  /** Server key, for messages. */
  readonly key: string;
  /** What results are stamped with. */
  readonly prefix: string;
}

export interface RpcFailure {
  readonly code: number;
  readonly message: string;
  readonly data: RawJson | undefined;
}

/** The outcome of a response to a `method` request. `message` is a response; its id has been checked. */
export function outcomeOf(message: ScannedMessage, method: string, from: Answerer): Outcome {
  if (message.error !== undefined) return errorOutcome(message.error, from);
  const result = message.result;
  if (result === undefined) return protocolFault(from.key, 'neither result nor error');
  if (from.era === 'legacy') return { kind: 'result', result, era: 'legacy', server: from.prefix };
  const type = memberString(result, 'resultType');
  if (type === 'complete') return { kind: 'result', result, era: 'modern', server: from.prefix };
  // Absent: servers that forget it exist, and losing their answers helps nobody. It is completed like a legacy one.
  if (type === undefined) return { kind: 'result', result, era: 'legacy', server: from.prefix };
  if (type === 'task' && (method === 'tools/call' || method.startsWith('tasks/')))
    return { kind: 'result', result, era: 'modern', server: from.prefix, task: true };
  if (type === 'input_required' && mayAsk(method)) return { kind: 'inputRequired', result, server: from.prefix };
  return protocolFault(
    from.key,
    `result of type "${printable(type)}" to ${printable(method)}, which was not asked for`,
  );
}

/** The JSON-RPC error of a response, undefined when it is none. */
export function rpcFailure(error: RawJson): RpcFailure | undefined {
  const scanned = scanObject(error);
  const code = memberRaw(scanned, 'code');
  if (code === undefined) return undefined;
  const value = parseRaw(code);
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  const message = memberString(scanned, 'message');
  return { code: value, message: message === undefined ? '' : decodeText(message), data: memberRaw(scanned, 'data') };
}

export function errorOutcome(error: RawJson, from: Answerer): ErrorOutcome {
  const failure = rpcFailure(error);
  if (failure === undefined) return protocolFault(from.key, 'an error without a code');
  switch (failure.code) {
    case rpcCode.headerMismatch:
    case rpcCode.unsupportedVersion:
      return protocolFault(from.key, `it refused the hub's request (${failure.code}: ${printable(failure.message)})`);
    default:
      return { kind: 'error', origin: 'server', ...failure, serverKey: from.key, httpStatus: statusFor(failure.code) };
  }
}

export function protocolFault(key: string, reason: string): ErrorOutcome {
  return hubError('QM_UPSTREAM_PROTOCOL', { server: key, reason });
}

/** Status toward a modern client (protocol 1.2); everything else is answered in-band. */
function statusFor(code: number): number {
  if (code === rpcCode.methodNotFound) return 404;
  return code === rpcCode.missingCapability ? 400 : 200;
}

/** A server's words inside a message of ours: short, one line, nothing that moves a cursor. */
export function printable(text: string): string {
  const clean = decodeText(text).replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
  return clean.length > 200 ? `${clean.slice(0, 199)}…` : clean;
}

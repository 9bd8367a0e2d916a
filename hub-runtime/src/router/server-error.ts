/**
 * A server's error on its way to a client: relayed with code, message and data, except where it speaks of the hop behind the hub
 * (2026-07-28, basic: error codes).
 *
 * -32020 and -32022 judge headers and version that the hub itself wrote: the client can do nothing about them and must not act on them.
 * -32021 names a capability; a legacy client does not know the code. -32601 is HTTP 404 for a modern client, whoever found it out.
 */
import { type Caller, type ErrorOutcome, hubError } from '../exchange/index.ts';
import { rpcCode } from '../wire/index.ts';

export function relayedError(outcome: ErrorOutcome, caller: Caller, server: string): ErrorOutcome {
  if (outcome.origin === 'hub') return outcome;
  switch (outcome.code) {
    case rpcCode.headerMismatch:
    case rpcCode.unsupportedVersion:
      return hubError('QM_UPSTREAM_PROTOCOL', { server, reason: `error ${outcome.code}: ${outcome.message}` });
    case rpcCode.missingCapability:
      return caller.era === 'legacy' ? { ...outcome, code: rpcCode.internalError } : { ...outcome, httpStatus: 400 };
    case rpcCode.methodNotFound:
      return outcome.httpStatus === 404 ? outcome : { ...outcome, httpStatus: 404 };
    default:
      return outcome;
  }
}

/**
 * A server's error on its way to a client: relayed with code, message and data, except where it speaks of the hop behind the hub
 * (2026-07-28, basic: error codes).
 *
 * -32020 and -32022 judge headers and version that the hub itself wrote: the client can do nothing about them and must not act on them.
 * -32021 names a capability; a legacy client does not know the code. -32601 is HTTP 404 for a modern client, whoever found it out.
 */
import { type Caller, type ErrorOutcome, type Exchange, hubError, type Outcome } from '../exchange/index.ts';
import { type RawJson, rawOf, rpcCode } from '../wire/index.ts';

export function relayedError(outcome: ErrorOutcome, caller: Caller, server: string): ErrorOutcome {
  if (outcome.origin === 'hub') return outcome;
  switch (outcome.code) {
    case rpcCode.headerMismatch:
    case rpcCode.unsupportedVersion:
      return hubError('QM_UPSTREAM_PROTOCOL', { server, reason: `error ${outcome.code}: ${outcome.message}` });
    case rpcCode.missingCapability:
      return { ...outcome, httpStatus: 400 };
    case rpcCode.methodNotFound:
      return outcome.httpStatus === 404 ? outcome : { ...outcome, httpStatus: 404 };
    default:
      return outcome;
  }
}

/**
 * A legacy client does not know -32021: a tool that needs what it did not declare fails as a tool, so that its model reads why; other requests
 * fail as such.
 */
export function forCaller(outcome: ErrorOutcome, { caller, method }: Exchange): Outcome {
  if (outcome.code !== rpcCode.missingCapability || caller.era === 'modern') return outcome;
  if (method !== 'tools/call') return { ...outcome, code: rpcCode.internalError };
  const text = rawOf(outcome.message);
  return { kind: 'ready', result: `{"content":[{"type":"text","text":${text}}],"isError":true}` as RawJson };
}

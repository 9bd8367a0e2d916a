/**
 * The outcome of a call as the message its client gets, in that client's era (edits: wire/render-result.ts).
 *
 *  - a legacy server's "resource not found" (-32002) becomes -32602 for a modern client (2026-07-28 errors)
 *  - errors about the hop between hub and server (-32020, -32022) never reach a client
 *  - a question the hub does not carry: -32021 with the capability it needs for a modern client that lacks it, else an error of the hub
 */
import {
  type ErrorOutcome,
  type Exchange,
  hubError,
  type InputRequiredOutcome,
  type Outcome,
} from '../exchange/index.ts';
import {
  errorRaw,
  memberRaw,
  memberString,
  type RawJson,
  rawOf,
  renderForLegacy,
  renderForModern,
  resultRaw,
  rpcCode,
  scanObject,
} from '../wire/index.ts';

export interface Rendered {
  readonly message: RawJson;
  readonly httpStatus: number;
}

export function renderOutcome(outcome: Outcome, exchange: Exchange, hubInfo: RawJson): Rendered {
  const id = exchange.leg.id;
  switch (outcome.kind) {
    case 'ready':
      return ok(resultRaw(id, outcome.result));
    case 'result': {
      const modern = exchange.caller.era === 'modern';
      const result = modern ? renderForModern(outcome, exchange.method, hubInfo) : renderForLegacy(outcome);
      if (result === undefined)
        return failed(
          exchange,
          hubError('QM_UPSTREAM_PROTOCOL', { server: outcome.server, reason: 'unknown resultType' }),
        );
      return ok(resultRaw(id, result));
    }
    case 'error':
      return failed(exchange, outcome);
    case 'inputRequired':
      return failed(exchange, unanswerable(outcome, exchange));
  }
}

function ok(message: RawJson): Rendered {
  return { message, httpStatus: 200 };
}

function failed(exchange: Exchange, error: ErrorOutcome): Rendered {
  const modern = exchange.caller.era === 'modern';
  const shown =
    modern && error.code === rpcCode.legacyResourceNotFound ? { ...error, code: rpcCode.invalidParams } : error;
  return {
    message: errorRaw(exchange.leg.id, shown.code, shown.message, shown.data),
    // Legacy clients read JSON-RPC errors only from a 200; 503 is understood by every HTTP client.
    httpStatus: modern || shown.httpStatus === 503 ? shown.httpStatus : 200,
  };
}

/** Capability each kind of question needs. */
const neededFor: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);

function unanswerable(outcome: InputRequiredOutcome, exchange: Exchange): ErrorOutcome {
  const required = requiredCapabilities(outcome, exchange.caller.capabilities);
  if (exchange.caller.era === 'legacy' || required === undefined)
    return hubError('QM_QUESTION_NOT_BRIDGED', { server: outcome.server });
  return {
    kind: 'error',
    origin: 'hub',
    code: rpcCode.missingCapability,
    message: 'this call needs a client capability that the request did not declare',
    data: rawOf({ requiredCapabilities: required }),
    httpStatus: 400,
  };
}

/** Undefined when the client declared everything that the round asks for. */
function requiredCapabilities(
  outcome: InputRequiredOutcome,
  declared: RawJson,
): Record<string, Record<string, never>> | undefined {
  const requests = memberRaw(outcome.result, 'inputRequests');
  const round = requests === undefined ? undefined : scanObject(requests);
  if (round === undefined) return undefined;
  const has = scanObject(declared);
  const missing: Record<string, Record<string, never>> = {};
  for (const member of round.members) {
    const request = scanObject(round.raw.slice(member.start, member.end) as RawJson);
    const capability = neededFor.get(memberString(request, 'method') ?? '');
    if (capability !== undefined && memberRaw(has, capability) === undefined) missing[capability] = {};
  }
  return Object.keys(missing).length === 0 ? undefined : missing;
}

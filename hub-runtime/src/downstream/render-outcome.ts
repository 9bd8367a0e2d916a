/**
 * The outcome of a call as the message its client gets, in that client's era (edits: wire/render-result.ts).
 *
 *  - a legacy server's "resource not found" (-32002) becomes -32602 for a modern client (2026-07-28 errors)
 *  - errors about the hop between hub and server (-32020, -32022) never reach a client
 *  - a round of questions passes with the hub's own serverInfo; legacy clients are asked before an outcome gets here
 */
import {
  type ErrorOutcome,
  type Exchange,
  hubError,
  type InputRequiredOutcome,
  type Outcome,
} from '../exchange/index.ts';
import {
  editObject,
  errorRaw,
  metaKey,
  quoted,
  type RawJson,
  renderForLegacy,
  renderForModern,
  resultRaw,
  rpcCode,
} from '../wire/index.ts';

export interface Rendered {
  readonly message: RawJson;
  readonly httpStatus: number;
  /** When to come again. */
  readonly retryAfterMs?: number | undefined;
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
      return ok(resultRaw(id, renderRound(outcome, hubInfo)));
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
    // Legacy clients read JSON-RPC errors only from a 200; 429 and 503 are understood by every HTTP client.
    httpStatus: modern || shown.httpStatus === 503 || shown.httpStatus === 429 ? shown.httpStatus : 200,
    retryAfterMs: shown.retryAfterMs,
  };
}

function renderRound({ result, server }: InputRequiredOutcome, hubInfo: RawJson): RawJson {
  const meta = editObject(result.meta, [
    [metaKey.serverInfo, hubInfo],
    [metaKey.upstream, quoted(server)],
  ]);
  return editObject(result, [['_meta', meta]]);
}

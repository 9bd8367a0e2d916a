/** Refusals at the edge: answered in the sink's own way, counted by stable code and by the limit that was reached. */
import type { ErrorOutcome } from '../exchange/index.ts';
import { errorRaw, type RawJson } from '../wire/index.ts';
import type { HubEdge } from './hub-edge.ts';
import type { ReplySink } from './reply-sink.ts';

export function refuse(
  edge: HubEdge,
  sink: ReplySink,
  id: RawJson | undefined,
  error: ErrorOutcome,
  limit?: string,
): void {
  countRefusal(edge, error, limit);
  sink.answer(errorRaw(id, error.code, error.message, error.data), error.httpStatus, error.retryAfterMs);
}

export function countRefusal(edge: HubEdge, error: ErrorOutcome, limit?: string): void {
  const { observer } = edge.deps;
  observer.count('refusedRequests', error.errorCode ?? `${error.code}`);
  if (limit !== undefined) observer.count('limitRejections', limit);
}

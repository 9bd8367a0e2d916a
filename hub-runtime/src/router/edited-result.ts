/** A server's result as its caller gets it: URIs under which it can read them here, structured content as its era knows it. */
import type { Exchange, Outcome, Route } from '../exchange/index.ts';
import type { PassingEdits } from '../wire/index.ts';
import { exposeUris, wrapStructured } from './result-edits.ts';

/** `requested`: as the client named what it asked for. */
export function editedResult(
  outcome: Extract<Outcome, { kind: 'result' }>,
  exchange: Exchange,
  route: Route,
  requested: string | undefined,
): Outcome {
  const { catalog } = exchange.graph;
  const { serverKey, original } = route;
  let { result } = outcome;
  const asked = exchange.method === 'resources/read' && requested !== undefined && requested !== original;
  // The content that was asked for comes back under the very URI it was asked by.
  const expose = (uri: string): string => (asked && uri === original ? requested : catalog.exposedUri(serverKey, uri));
  const exposes = asked || !catalog.urisAreTransparent(serverKey);
  const wraps = exchange.caller.era === 'legacy' && exchange.method === 'tools/call';
  const { passing } = outcome;
  if (passing !== undefined) {
    const edits: PassingEdits = {
      ...(exposes ? { expose } : {}),
      ...(wraps ? { wrap: route.wrapsStructured === true ? 'always' : 'nonObject' } : {}),
    };
    return { ...outcome, passing: { ...passing, edits } };
  }
  if (exposes) result = exposeUris(result, exchange.method, expose);
  if (wraps) result = wrapStructured(result, route.wrapsStructured === true);
  return result === outcome.result ? outcome : { ...outcome, result };
}

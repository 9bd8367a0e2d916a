/** A server's result as its caller gets it: URIs under which it can read them here, structured content as its era knows it. */
import type { Exchange, Outcome, Route } from '../exchange/index.ts';
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
  if (asked || !catalog.urisAreTransparent(serverKey))
    result = exposeUris(result, exchange.method, (uri) =>
      // The content that was asked for comes back under the very URI it was asked by.
      asked && uri === original ? requested : catalog.exposedUri(serverKey, uri),
    );
  if (exchange.caller.era === 'legacy' && exchange.method === 'tools/call')
    result = wrapStructured(result, route.wrapsStructured === true);
  return result === outcome.result ? outcome : { ...outcome, result };
}

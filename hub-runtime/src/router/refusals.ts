/** The answers to requests that lead nowhere, as the specification words them (2026-07-28 errors; 2025-11-25 server/resources). */
import {
  type CatalogSnapshot,
  type Caller,
  type ErrorOutcome,
  type HubGraph,
  protocolError,
} from '../exchange/index.ts';
import { qualifiedUri } from '../catalog/index.ts';
import { decodeText, rawOf, rpcCode } from '../wire/index.ts';

/** -32601. A modern client learns it from the HTTP status as well. */
export function unknownMethod(method: string): ErrorOutcome {
  return protocolError(rpcCode.methodNotFound, `Method not found: ${method}`, 404);
}

export function invalidParams(message: string): ErrorOutcome {
  return protocolError(rpcCode.invalidParams, message);
}

export function notSubscribable(uri: string): ErrorOutcome {
  return invalidParams(`The server of ${decodeText(uri)} does not tell of changes`);
}

export function unknownName(what: 'tool' | 'prompt', name: string): ErrorOutcome {
  return invalidParams(`Unknown ${what}: ${decodeText(name)}`);
}

/** An ambiguous URI is as unknown as any other, but the answer says how to ask for each of the resources. */
export function unknownResource(uri: string, graph: HubGraph, caller: Caller): ErrorOutcome {
  const shown = decodeText(uri);
  const alternatives = qualifiedForms(shown, graph.catalog, graph);
  const message =
    alternatives.length === 0
      ? `Resource not found: ${shown}`
      : `Resource ${shown} exists on several servers; ask for one of: ${alternatives.join(', ')}`;
  const code = caller.era === 'legacy' ? rpcCode.legacyResourceNotFound : rpcCode.invalidParams;
  return protocolError(
    code,
    message,
    200,
    rawOf(alternatives.length === 0 ? { uri: shown } : { uri: shown, alternatives }),
  );
}

function qualifiedForms(uri: string, catalog: CatalogSnapshot, { config }: HubGraph): readonly string[] {
  const keys = catalog.problems.find((one) => one.reason === 'UriCollision' && one.name === uri)?.serverKeys ?? [];
  return config.servers.filter(({ key }) => keys.includes(key)).map(({ prefix }) => qualifiedUri(prefix, uri));
}

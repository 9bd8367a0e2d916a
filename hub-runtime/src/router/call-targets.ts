/** Finds the route of a request that names a tool, a prompt, a resource or something to complete. Pure look-ups on one graph. */
import type { ErrorOutcome, Exchange, HubGraph, Route } from '../exchange/index.ts';
import { editObject, memberRaw, memberString, type RawJson, scanObject } from '../wire/index.ts';
import { invalidParams, unknownName, unknownResource } from './refusals.ts';

export type NamedKind = 'tool' | 'prompt' | 'resource';

/** Which member of `params` names the target. */
export function targetMember(kind: NamedKind): 'name' | 'uri' {
  return kind === 'resource' ? 'uri' : 'name';
}

export function lookUp(graph: HubGraph, kind: NamedKind, target: string): Route | undefined {
  switch (kind) {
    case 'tool':
      return graph.catalog.tool(target);
    case 'prompt':
      return graph.catalog.prompt(target);
    case 'resource':
      return graph.catalog.resource(target);
  }
}

export function unknownTarget(exchange: Exchange, graph: HubGraph, kind: NamedKind, target: string): ErrorOutcome {
  return kind === 'resource' ? unknownResource(target, graph, exchange.caller) : unknownName(kind, target);
}

/** A completion's route: its edit replaces the whole `ref`, whose name or URI is the server's own there. */
export function completionRoute(exchange: Exchange): { readonly route: Route; readonly target: string } | ErrorOutcome {
  const { params, graph } = exchange;
  const raw = memberRaw(params, 'ref');
  const ref = raw === undefined ? undefined : scanObject(raw);
  const type = memberString(ref, 'type');
  const key = type === 'ref/prompt' ? 'name' : type === 'ref/resource' ? 'uri' : undefined;
  const target = key === undefined ? undefined : memberString(ref, key);
  if (key === undefined || target === undefined)
    return invalidParams('params.ref must be a ref/prompt with a name or a ref/resource with a uri');
  const found =
    key === 'name' ? graph.catalog.prompt(target) : (graph.catalog.template(target) ?? graph.catalog.resource(target));
  if (found === undefined)
    return key === 'name' ? unknownName('prompt', target) : unknownResource(target, graph, exchange.caller);
  const { serverKey, original } = found;
  if (original === target) return { route: { serverKey, original }, target };
  const edited = editObject(ref, [[key, JSON.stringify(original) as RawJson]]);
  return { route: { serverKey, original, edits: [['ref', edited]] }, target };
}

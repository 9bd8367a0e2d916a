/** Reads of what the hub tells of itself. Made when asked for, from the graph that the request sees; masked, since texts come from servers. */
import { maskSecrets } from '../base/index.ts';
import type { Exchange, ReadyOutcome } from '../exchange/index.ts';
import { capabilityGraph } from '../graph/index.ts';
import { memberRaw, type RawJson, rawOf } from '../wire/index.ts';

export function ownResource({ graph, caller, params }: Exchange): ReadyOutcome {
  const text = maskSecrets(JSON.stringify(capabilityGraph(graph)));
  const uri = memberRaw(params, 'uri');

  const contents = `[{"uri":${uri},"mimeType":"application/json","text":${rawOf(text)}}]`;
  const hints = caller.era === 'modern' ? '"resultType":"complete","ttlMs":0,"cacheScope":"private",' : '';
  return { kind: 'ready', result: `{${hints}"contents":${contents}}` as RawJson };
}

/** No hub, no endpoint: says so, with one ready to paste. Nothing is implied where manifests are given: exposure is a decision. */
import type { Compiled } from '@quaymaster/crds';

import { hubText } from '../clients/index.ts';
import { type Problem, problem } from '../problems/index.ts';

export function missingHub(compiled: Compiled, filesFailed: boolean): Problem[] {
  if (compiled.hubs.length > 0) return [];
  if (compiled.hubOutcomes.length > 0) return [problem('error', 'no McpHub is usable', 'correct the hubs named above')];
  if (compiled.servers.length === 0 && filesFailed) return [];
  const namespace = compiled.servers[0]?.namespace;
  const what =
    compiled.servers.length === 0
      ? 'no manifest of ours was found'
      : 'no McpHub in the manifests, so there is no endpoint';
  return [problem('error', what, `add one, for instance:\n\n---\n${hubText('hub', namespace)}`)];
}

/** From the prompts of one server to candidates for the hub's list. Named like tools; nothing else about them is edited (HT-0.08). */
import { serverName } from '../base/index.ts';
import type { NamingConfig } from '@quaymaster/crds';

import { decodeText, editObject, type MemberEdit } from '../wire/index.ts';
import { type Candidate, type ListedServer, withinLimit } from './candidate.ts';
import { exposedName } from './exposed-name.ts';
import { reportLoop, wayOf } from './hub-behind.ts';
import { itemMeta, literal, readItem } from './item-edits.ts';
import { kindLimits } from './limits.ts';
import type { ProblemList } from './problem-list.ts';

export function promptCandidates(server: ListedServer, naming: NamingConfig, problems: ProblemList): Candidate[] {
  const { config, listing } = server;
  const candidates: Candidate[] = [];
  const seen = new Set<string>();
  for (const raw of withinLimit(config, listing.prompts, 'prompt', kindLimits.prompts, problems)) {
    const item = readItem(raw, 'name');
    const why =
      typeof item === 'string'
        ? item
        : seen.has(item.id)
          ? 'is listed twice, and only the first one counts'
          : undefined;
    if (why !== undefined || typeof item === 'string') {
      const name = typeof item === 'string' ? '' : decodeText(item.id);
      problems.leave({
        kind: 'prompts',
        serverKey: config.key,
        original: typeof item === 'string' ? '' : item.id,
        reason: 'InvalidItem',
      });
      problems.add(
        'InvalidItem',
        [config.key],
        name,
        `prompt "${name}" of server "${serverName(config.key)}" ${why}; it is left out`,
      );
      continue;
    }
    seen.add(item.id);
    const way = wayOf(server, item.object);
    if (typeof way === 'string') {
      problems.leave({ kind: 'prompts', serverKey: config.key, original: item.id, reason: 'HubLoop' });
      reportLoop(server, way, problems);
      continue;
    }
    const exposed = exposedName(naming, config, item.id, item.id);
    const renamed = exposed !== item.id;
    const set: MemberEdit[] = renamed ? [['name', literal(exposed)]] : [];
    set.push(itemMeta(item.object, config.prefix, undefined, way));
    const raws = editObject(item.object, set);
    const route = {
      serverKey: config.key,
      original: item.id,
      edits: renamed ? [['name', literal(item.id)] as const] : [],
    };
    candidates.push({
      server: config,
      exposed,
      route,
      modern: raws,
      legacy: raws,
      ...(way === undefined ? {} : { through: way }),
    });
  }
  return candidates;
}

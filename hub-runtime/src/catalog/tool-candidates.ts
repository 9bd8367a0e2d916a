/** From the tools of one server to candidates for the hub's list: what is offered, under which name, looking how for each era. */
import { serverName } from '../base/index.ts';
import type { NamingConfig } from '@quaymaster/crds';

import type { DecisionReason, Route } from '../exchange/index.ts';
import {
  decodeText,
  editObject,
  encodeText,
  type MemberEdit,
  memberRaw,
  type ParamHeader,
  paramHeadersOf,
  rawOf,
  type RawJson,
  type ScannedObject,
  scanObject,
} from '../wire/index.ts';
import { type Candidate, compare, type ListedServer, withinLimit } from './candidate.ts';
import { exposedName } from './exposed-name.ts';
import { annotated, isRepeatable, noAnnotations } from './annotations.ts';
import { globMatches } from './glob.ts';
import { reportLoop, type Way, wayOf } from './hub-behind.ts';
import { itemMeta, literal, readItem } from './item-edits.ts';
import { itemScanLimits, kindLimits } from './limits.ts';
import { legacyOutputSchema } from './output-schema.ts';
import type { ProblemList } from './problem-list.ts';

/** `exposeUri` is undefined when no URI of the server needs rewriting. */
export function toolCandidates(
  server: ListedServer,
  naming: NamingConfig,
  exposeUri: ((uri: string) => string) | undefined,
  problems: ProblemList,
): Candidate[] {
  const { config, listing } = server;
  const aliases = aliasesOf(server, naming);
  const seen = new Map<string, 'offered' | 'excluded'>();
  const candidates: Candidate[] = [];
  const leave = (name: string, reason: DecisionReason): void =>
    problems.leave({ kind: 'tools', serverKey: config.key, original: encodeText(name), reason });
  const refuse = (name: string, why: string): void => {
    leave(name, 'InvalidTool');
    problems.add(
      'InvalidTool',
      [config.key],
      name,
      `tool "${name}" of server "${serverName(config.key)}" ${why}; it is left out`,
    );
  };
  for (const raw of withinLimit(config, listing.tools, 'tool', kindLimits.tools, problems)) {
    const item = readItem(raw, 'name');
    if (typeof item === 'string') {
      refuse('', item);
      continue;
    }
    const name = decodeText(item.id);
    if (seen.has(name)) {
      refuse(name, 'is listed twice, and only the first one counts');
      continue;
    }
    const hidden = hiddenBecause(name, config.tools.include, config.tools.exclude);
    seen.set(name, hidden === undefined ? 'offered' : 'excluded');
    if (hidden !== undefined) {
      leave(name, hidden);
      continue;
    }
    const way = wayOf(server, item.object);
    if (typeof way === 'string') {
      leave(name, 'HubLoop');
      reportLoop(server, way, problems);
      continue;
    }
    const inputSchema = memberRaw(item.object, 'inputSchema');
    if (!isObjectSchema(inputSchema)) {
      refuse(name, 'has no inputSchema of type object');
      continue;
    }
    const declared = paramHeadersOf(inputSchema);
    // 2026-07-28, basic/transports: clients MUST drop such tools; to older servers the keyword means nothing.
    if ('fault' in declared && listing.era === 'modern') {
      leave(name, 'InvalidHeaderAnnotation');
      problems.add(
        'InvalidHeaderAnnotation',
        [config.key],
        name,
        `tool "${name}" of server "${serverName(config.key)}" is left out: ${declared.fault}`,
      );
      continue;
    }
    const headers = 'fault' in declared ? [] : declared.headers;
    const base = ownOf(config.tools.rename, name);
    const derived = exposedName(naming, config, base === undefined ? item.id : encodeText(base), item.id);
    const named = aliases.get(name);
    for (const exposed of named ?? [derived]) {
      const candidate = candidateOf(server, item, exposed, headers, exposeUri, inputSchema, way);
      const edit: DecisionReason | undefined =
        named !== undefined ? 'Alias' : base !== undefined ? 'Renamed' : undefined;
      candidates.push(edit === undefined ? candidate : { ...candidate, reason: edit });
    }
  }
  reportUnknown(server, aliases, seen, problems);
  return candidates;
}

function candidateOf(
  { config, listing }: ListedServer,
  item: { readonly object: ScannedObject; readonly id: string },
  exposed: string,
  headers: readonly ParamHeader[],
  exposeUri: ((uri: string) => string) | undefined,
  input: RawJson,
  way: Way | undefined,
): Candidate {
  const { object, id } = item;
  const set: MemberEdit[] = [];
  if (exposed !== id) set.push(['name', literal(exposed)]);
  const description = ownOf(config.tools.describe, decodeText(id));
  if (description !== undefined) set.push(['description', rawOf(description)]);
  const annotate = ownOf(config.tools.annotate ?? noAnnotations, decodeText(id));
  const annotations = annotate === undefined ? undefined : annotated(memberRaw(object, 'annotations'), annotate);
  if (annotations !== undefined) set.push(['annotations', annotations]);
  set.push(itemMeta(object, config.prefix, exposeUri, way));
  const hasExecution = memberRaw(object, 'execution') !== undefined;
  const outputSchema = memberRaw(object, 'outputSchema');
  const wrapped = outputSchema === undefined ? undefined : legacyOutputSchema(outputSchema);
  const common = editObject(object, set);
  const wraps = wrapped !== undefined && wrapped !== 'drop';
  return {
    server: config,
    exposed,
    ...(way === undefined ? {} : { through: way }),
    route: {
      ...routeOf(config.key, id, exposed, headers, wraps),
      ...(isRepeatable(annotations ?? memberRaw(object, 'annotations')) ? { repeatable: true } : {}),
      ...(needsTask(listing, object) ? { needsTask: true } : {}),
      ...(config.tools.validate === undefined
        ? {}
        : { checks: { mode: config.tools.validate, input, output: outputSchema } }),
    },
    modern: hasExecution ? editObject(object, set, ['execution']) : common,
    legacy:
      wrapped === undefined
        ? common
        : wraps
          ? editObject(object, [...set, ['outputSchema', wrapped]])
          : editObject(object, set, ['outputSchema']),
  };
}

/** A modern server decides for itself. */
function needsTask({ era }: ListedServer['listing'], tool: ScannedObject): boolean {
  const raw = era === 'legacy' ? memberRaw(tool, 'execution') : undefined;
  return raw !== undefined && memberRaw(scanObject(raw), 'taskSupport') === '"required"';
}

function routeOf(
  serverKey: string,
  original: string,
  exposed: string,
  headers: readonly ParamHeader[],
  wraps: boolean,
): Route {
  return {
    serverKey,
    original,
    edits: exposed === original ? [] : [['name', literal(original)]],
    ...(headers.length > 0 ? { paramHeaders: headers } : {}),
    ...(wraps ? { wrapsStructured: true } : {}),
  };
}

/** Extra names by tool, in code unit order. */
function aliasesOf({ config }: ListedServer, naming: NamingConfig): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const sorted = Object.entries(naming.aliases).sort(([left], [right]) => compare(left, right));
  for (const [alias, target] of sorted) {
    if (target.server !== config.name && target.server !== config.key) continue;
    const names = found.get(target.tool);
    if (names === undefined) found.set(target.tool, [encodeText(alias)]);
    else names.push(encodeText(alias));
  }
  return found;
}

/** Edits that name a tool the server does not have: a typing error, or the server changed. */
function reportUnknown(
  { config }: ListedServer,
  aliases: ReadonlyMap<string, readonly string[]>,
  seen: ReadonlyMap<string, 'offered' | 'excluded'>,
  problems: ProblemList,
): void {
  const check = (name: string, where: string): void => {
    const state = seen.get(name);
    if (state === 'offered') return;
    const why = state === undefined ? 'does not have' : 'excludes';
    problems.add(
      'UnknownTool',
      [config.key],
      name,
      `${where} names tool "${name}", which server "${serverName(config.key)}" ${why}`,
    );
  };
  for (const name of Object.keys(config.tools.rename).sort()) check(name, 'tools.rename');
  for (const name of Object.keys(config.tools.describe).sort()) check(name, 'tools.describe');
  for (const name of Object.keys(config.tools.annotate ?? {}).sort()) check(name, 'tools.annotate');
  for (const name of aliases.keys()) check(name, 'naming.aliases');
}

function hiddenBecause(
  name: string,
  include: readonly string[],
  exclude: readonly string[],
): 'Excluded' | 'NotIncluded' | undefined {
  if (exclude.some((pattern) => globMatches(pattern, name))) return 'Excluded';
  const isIncluded = include.length === 0 || include.some((pattern) => globMatches(pattern, name));
  return isIncluded ? undefined : 'NotIncluded';
}

/** MCP server/tools: inputSchema is an object schema; client libraries refuse the whole list otherwise. */
function isObjectSchema(schema: RawJson | undefined): schema is RawJson {
  return schema !== undefined && memberRaw(scanObject(schema, itemScanLimits), 'type') === '"object"';
}

function ownOf<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/**
 * `compile(objects)`: manifests in, one HubConfig per hub and the conditions of every object out.
 *
 * Pure and deterministic: no clock, no I/O, the order of the objects does not matter. A broken object never takes the others down: it
 * becomes conditions and is left out. There is never a silent winner: duplicates are all refused. Secret values never enter.
 */
import { draft } from '../conditions/index.ts';
import type { ConditionDraft } from '../conditions/index.ts';
import type { McpHubSpec } from '../hub/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import type { McpServerSpec } from '../server/index.ts';
import { applyDefaults, schemaFor } from '../structural/index.ts';
import { compareText } from './canonical.ts';
import type { Candidate } from './candidate.ts';
import { gather, refusal } from './gather.ts';
import type { Group } from './gather.ts';
import { toHubConfig, toHubTimeouts } from './hub-config.ts';
import { linkHubs } from './hub-links.ts';
import { remembered, sameEntries, variantForHub } from './memo.ts';
import type { CompileMemo } from './memo.ts';
import { findUnknownRoot, keyLookup, missingOfHub, resolveReferences } from './references.ts';
import type { KeyLookup } from './references.ts';
import { selects } from './select.ts';
import { forHub, toServerConfig } from './server-config.ts';
import type { Compiled, CompileOptions, HubOutcome, ServerOutcome } from './types.ts';

/** What one compilation passes along. */
interface Context {
  readonly lookup: KeyLookup;
  readonly unreadable: CompileOptions['unreadable'];
  readonly memo: CompileMemo | undefined;
}

export function compile(objects: readonly ManifestObject[], options: CompileOptions = {}): Compiled {
  const gathered = gather(objects, options);
  const lookup = keyLookup(gathered.companions, options.lookup);
  const { memo } = options;
  const context: Context = { lookup, unreadable: options.unreadable, memo };
  const candidates = linkHubs(
    gathered.servers.map((group) => toCandidate(group, context)),
    gathered.hubs.flatMap((group) =>
      refusal(group) === undefined ? [{ group, spec: withDefaults<McpHubSpec>(group.object) }] : [],
    ),
    memo?.linked,
  );
  const hubOutcomes = byKey(gathered.hubs.map((group) => toHubOutcome(group, candidates, context)));
  const hubs = hubOutcomes.flatMap((outcome) => (outcome.config === undefined ? [] : [outcome.config]));
  const offers = hubOutcomes.map(({ key, config }) => ({
    key,
    servers: new Set(config?.servers.map((server) => server.key)),
  }));
  const servers = byKey(candidates.map((candidate) => toServerOutcome(candidate, offers, memo)));
  return { hubs, servers, hubOutcomes, refused: gathered.refused };
}

/** References are looked up each time, since what they lead to changes by itself; the rest follows from the object alone. */
function toCandidate(group: Group, { lookup, unreadable, memo }: Context): Candidate {
  // Of duplicates none is remembered: what becomes of one depends on the others.
  const memory = group.all.length === 1 ? memo?.candidates : undefined;
  const judged = remembered(memory, group.object, () => judge(group)) as Judged;
  if (judged.passed === undefined) return judged.candidate;
  const { candidate, passed } = judged;
  const references = resolveReferences(passed.spec, group.namespace, lookup, unreadable);
  const [accepted, before] = candidate.conditions;
  if (before !== undefined && before.reason === references.reason && before.message === references.message)
    return candidate;
  const now: Candidate = {
    group: candidate.group,
    conditions: accepted === undefined ? [references] : [accepted, references],
    ...(references.status === 'True' ? { runnable: passed } : {}),
  };
  memory?.set(group.object, { candidate: now, passed } satisfies Judged);
  return now;
}

interface Judged {
  readonly candidate: Candidate;
  /** Absent: refused, whatever it refers to. */
  readonly passed?: NonNullable<Candidate['runnable']>;
}

function judge(group: Group): Judged {
  const refused = refusal(group);
  if (refused !== undefined) return { candidate: { group, conditions: [refused] } };
  const spec = withDefaults<McpServerSpec>(group.object);
  const sources = Object.values(spec.source).filter((member) => member !== undefined).length;
  // The CEL rule says the same; without a validator this keeps a nonsense source from becoming a configuration.
  if (sources !== 1)
    return {
      candidate: {
        group,
        conditions: [
          draft('Accepted', 'Invalid', {
            issues: 'spec.source: set exactly one of npm, pypi, command, image, remote, hub',
          }),
        ],
      },
    };
  const unknownRoot = findUnknownRoot(spec);
  if (unknownRoot !== undefined) return { candidate: { group, conditions: [unknownRoot] } };
  const passed = { spec, config: toServerConfig(group, spec, toHubTimeouts()) };
  return { candidate: { group, conditions: [draft('Accepted', 'Accepted')] }, passed };
}

/** Which servers a hub has in its configuration, by key. */
interface Offer {
  readonly key: string;
  readonly servers: ReadonlySet<string>;
}

function toServerOutcome(candidate: Candidate, offers: readonly Offer[], memo: CompileMemo | undefined): ServerOutcome {
  const { group, runnable, conditions } = candidate;
  const offeredBy = offers.filter((offer) => offer.servers.has(group.key)).map((offer) => offer.key);
  const before = memo?.servers.get(candidate);
  if (before !== undefined && sameEntries(before.hubs, offeredBy)) return before;
  const programmed =
    runnable === undefined
      ? draft('Programmed', 'NotProgrammed')
      : offeredBy.length === 0
        ? draft('Programmed', 'NotSelected')
        : draft('Programmed', 'Programmed');
  const outcome: ServerOutcome = {
    ...identity(group),
    active: offeredBy.length > 0,
    conditions: [...conditions, programmed],
    ...(runnable === undefined ? {} : { config: runnable.config }),
    hubs: offeredBy,
  };
  memo?.servers.set(candidate, outcome);
  return outcome;
}

function toHubOutcome(group: Group, candidates: readonly Candidate[], context: Context): HubOutcome {
  const { lookup, unreadable, memo } = context;
  const refused = refusal(group);
  if (refused !== undefined)
    return {
      ...identity(group),
      active: false,
      conditions: [refused, draft('Programmed', 'NotProgrammed')],
      selected: [],
    };
  const spec = withDefaults<McpHubSpec>(group.object);
  const neighbours = candidates.filter((candidate) => candidate.group.namespace === group.namespace);
  const selected = neighbours.filter((candidate) =>
    selects(spec.servers, candidate.group.name, candidate.group.object.metadata.labels ?? {}),
  );
  const known = new Set(neighbours.map((candidate) => candidate.group.name));
  const absent = spec.servers.include.filter((name) => !known.has(name)).toSorted(compareText);
  const unresolved = missingOfHub(spec, group.namespace, lookup, unreadable);
  // All that the outcome depends on, beside the object itself.
  const inputs = [absent.join(), unresolved.map(({ message }) => message).join(), ...selected];
  const before = group.all.length === 1 ? memo?.hubs.get(group.object) : undefined;
  if (before !== undefined && sameEntries(before.inputs, inputs)) return before.outcome;
  const timeouts = toHubTimeouts(spec);
  const servers = selected.flatMap(({ runnable }) =>
    runnable === undefined
      ? []
      : [
          variantForHub(memo, runnable.config, `${timeouts.callMs}/${timeouts.callMaxMs}`, () =>
            forHub(runnable.config, runnable.spec, timeouts),
          ),
        ],
  );
  const { config, aliasConditions } = toHubConfig(group, spec, servers, memo?.texts);
  const outcome: HubOutcome = {
    ...identity(group),
    active: true,
    config,
    conditions: [
      draft('Accepted', 'Accepted'),
      ...hubReferences(absent, selected, [...unresolved, ...aliasConditions]),
      draft('Insecure', 'NoAuthentication'),
    ],
    selected: selected.map((candidate) => candidate.group.key).toSorted(compareText),
  };
  memo?.hubs.set(group.object, { inputs, outcome });
  return outcome;
}

/** What the hub refers to and does not get; one ResolvedRefs condition that names all of it, the gravest reason first. */
function hubReferences(
  absent: readonly string[],
  selected: readonly Candidate[],
  more: readonly ConditionDraft[],
): ConditionDraft[] {
  const leftOut = selected
    .filter((candidate) => candidate.runnable === undefined)
    .map((candidate) => candidate.group.name)
    .toSorted(compareText);
  const missing = [
    ...(absent.length === 0 ? [] : [draft('ResolvedRefs', 'ServerNotFound', { servers: absent.join(', ') })]),
    ...(leftOut.length === 0 ? [] : [draft('ResolvedRefs', 'ServerRefused', { servers: leftOut.join(', ') })]),
    ...more.filter((entry) => entry.type === 'ResolvedRefs'),
  ];
  const [first = draft('ResolvedRefs', 'ResolvedRefs')] = missing;
  const message = missing.length === 0 ? first.message : missing.map((entry) => entry.message).join(' | ');
  return [{ ...first, message }, ...more.filter((entry) => entry.type !== 'ResolvedRefs')];
}

function identity(group: Group): Pick<ServerOutcome, 'key' | 'namespace' | 'name' | 'object' | 'issues'> {
  return { key: group.key, namespace: group.namespace, name: group.name, object: group.object, issues: group.issues };
}

/** Only called on objects whose structure was checked, which is what makes the cast true. */
function withDefaults<Spec>(object: ManifestObject): Spec {
  const schema = schemaFor(object.kind)?.properties?.['spec'];
  return (schema === undefined ? object.spec : applyDefaults(schema, object.spec)) as Spec;
}

function byKey<T extends { readonly key: string }>(outcomes: readonly T[]): T[] {
  return outcomes.toSorted((a, b) => compareText(a.key, b.key));
}

/** McpHub.spec (after defaults) and its servers -> HubConfig. */
import { draft } from '../conditions/index.ts';
import type { ConditionDraft } from '../conditions/index.ts';
import type { Era, HubConfig, HubLimits, HubTimeouts, NamingConfig, ServerConfig } from '../hub-config/index.ts';
import type { McpHubSpec } from '../hub/index.ts';
import { applyDefaults, schemaFor } from '../structural/index.ts';
import { parseBytes } from '../units/index.ts';
import { canonicalJson, compareText, textHash } from './canonical.ts';
import { remembered } from './memo.ts';
import type { CompileMemo, HubBody } from './memo.ts';
import { ms } from './server-config.ts';
import type { ServerIdentity } from './server-config.ts';

type Section = 'limits' | 'timeouts' | 'naming' | 'protocol';

function section<K extends Section>(spec: McpHubSpec | undefined, name: K): NonNullable<McpHubSpec[K]> {
  const schema = schemaFor('McpHub')?.properties?.['spec']?.properties?.[name];
  return (schema === undefined ? {} : applyDefaults(schema, spec?.[name] ?? {})) as NonNullable<McpHubSpec[K]>;
}

/** Timeouts of a hub; without a spec the defaults. */
export function toHubTimeouts(spec?: McpHubSpec): HubTimeouts {
  const { call, callMax, sessionIdle, keepAlive, question, queue, slowReader, headers, body } = section(
    spec,
    'timeouts',
  );
  const callMs = ms(call);
  return {
    callMs,
    callMaxMs: Math.max(callMs, ms(callMax)),
    sessionIdleMs: ms(sessionIdle),
    keepAliveMs: ms(keepAlive),
    questionMs: ms(question),
    queueMs: ms(queue),
    slowReaderMs: ms(slowReader),
    headersMs: ms(headers),
    bodyMs: ms(body),
  };
}

function toHubLimits(spec: McpHubSpec): HubLimits {
  const limits = section(spec, 'limits');
  return {
    payloadBytes: parseBytes(limits.payload) ?? 0,
    jsonDepth: limits.depth,
    jsonNodes: limits.nodes,
    batch: limits.batch,
    inFlight: limits.inFlight,
    sessions: limits.sessions,
    streams: limits.streams,
    streamBufferBytes: parseBytes(limits.streamBuffer) ?? 0,
    pageSize: limits.pageSize,
    parkedCalls: limits.parkedCalls,
    samplingTokens: limits.samplingTokens,
    ...(limits.arguments === undefined ? {} : { argumentBytes: parseBytes(limits.arguments) ?? 0 }),
    headers: limits.headers,
    connections: limits.connections,
    inFlightPerClient: limits.inFlightPerClient,
    queue: limits.queue,
    queueBytes: parseBytes(limits.queueBytes) ?? 0,
    readBytesPerSecond: parseBytes(limits.readRate) ?? 0,
    unreadBytes: parseBytes(limits.unread) ?? 0,
  };
}

export interface HubResult {
  readonly config: HubConfig;
  readonly aliasConditions: readonly ConditionDraft[];
}

export function toHubConfig(
  identity: ServerIdentity,
  spec: McpHubSpec,
  servers: readonly ServerConfig[],
  texts?: CompileMemo['texts'],
): HubResult {
  const { naming, conditions } = toNaming(spec, servers);
  const wanted = section(spec, 'protocol').eras;
  const body: HubBody = {
    version: 1,
    namespace: identity.namespace,
    name: identity.name,
    path: spec.path,
    eras: (['modern', 'legacy'] satisfies Era[]).filter((era) => wanted.includes(era)),
    ...transportsOf(spec),
    naming,
    auth: { mode: spec.auth.mode },
    ...(spec.control?.ops === true ? { control: { ops: true } } : {}),
    ...(spec.instructions === undefined ? {} : { instructions: spec.instructions }),
    limits: toHubLimits(spec),
    timeouts: toHubTimeouts(spec),
    ...sessionsOf(spec),
    servers: servers.toSorted((a, b) => compareText(a.key, b.key)),
  };
  return { config: { ...body, hash: bodyHash(body, texts) }, aliasConditions: conditions };
}

function sessionsOf({ sessions }: McpHubSpec): Pick<HubConfig, 'sessions'> {
  const { store, redis } = sessions ?? {};
  if (store !== 'redis' || redis === undefined) return {};
  const { url, prefix, passwordFrom, caFrom } = redis;
  return {
    sessions: {
      store,
      url,
      ...(passwordFrom === undefined ? {} : { password: passwordFrom.secretKeyRef }),
      ...(caFrom === undefined ? {} : { authority: caFrom.secretKeyRef }),
      prefix,
    },
  };
}

function transportsOf({ transports }: McpHubSpec): Pick<HubConfig, 'transports'> {
  const { sse = false, websocket = false } = transports ?? {};
  return sse || websocket ? { transports: { sse, websocket } } : {};
}

/** `contentHash(body)`, from the texts of its servers: most of them are known from the last time. */
function bodyHash(body: HubBody, texts: CompileMemo['texts'] | undefined): string {
  const servers = body.servers.map((server) => remembered(texts, server, () => canonicalJson(server)));
  // Nowhere else: inside a text the quotes would be escaped, and no other member of that name is a list.
  const [before = '', after = ''] = canonicalJson({ ...body, servers: [] }).split('"servers":[]');
  return textHash(`${before}"servers":[${servers.join(',')}]${after}`);
}

const aliasShape = /^[!-~]+$/;

function toNaming(
  spec: McpHubSpec,
  servers: readonly ServerConfig[],
): { naming: NamingConfig; conditions: ConditionDraft[] } {
  const { strategy, separator, maxLength, aliases } = section(spec, 'naming');
  const offered = new Set(servers.map((server) => server.name));
  const entries = Object.entries(aliases).toSorted(([a], [b]) => compareText(a, b));
  const targets = Map.groupBy(entries, ([, target]) => `${target.server}/${target.tool}`);
  const refused = new Set<string>();
  const homeless: string[] = [];
  for (const [name, target] of entries) {
    if (!offered.has(target.server)) homeless.push(`${name} -> ${target.server}`);
    // Two aliases for one tool: neither is kept, since either would be an arbitrary winner.
    else if (
      !aliasShape.test(name) ||
      name.length > maxLength ||
      (targets.get(`${target.server}/${target.tool}`)?.length ?? 0) > 1
    )
      refused.add(name);
  }
  const kept = entries.filter(([name, target]) => offered.has(target.server) && !refused.has(name));
  const conditions = [
    ...(homeless.length === 0 ? [] : [draft('ResolvedRefs', 'AliasTargetNotFound', { aliases: homeless.join(', ') })]),
    ...(refused.size === 0 ? [] : [draft('Degraded', 'AliasRefused', { aliases: [...refused].join(', ') })]),
  ];
  return { naming: { strategy, separator, maxLength, aliases: Object.fromEntries(kept) }, conditions };
}

/** McpServer.spec (after defaults) -> ServerConfig. Every default that depends on another field is decided here and nowhere else. */
import type {
  EnvEntry,
  HeaderEntry,
  HubTimeouts,
  RootConfig,
  ServerConfig,
  ServerSource,
} from '../hub-config/index.ts';
import type { McpServerSpec } from '../server/index.ts';
import { applyDefaults, schemaFor } from '../structural/index.ts';
import { parseBytes, parseDuration } from '../units/index.ts';
import { contentHash } from './canonical.ts';
import { toResilience } from './resilience-config.ts';

/** A whole section with its defaults when it is absent: `lifecycle: {}` and no lifecycle mean the same. */
function section<K extends 'tools' | 'health' | 'lifecycle' | 'timeouts' | 'limits'>(
  spec: McpServerSpec,
  name: K,
): NonNullable<McpServerSpec[K]> {
  const schema = schemaFor('McpServer')?.properties?.['spec']?.properties?.[name];
  return (schema === undefined ? {} : applyDefaults(schema, spec[name] ?? {})) as NonNullable<McpServerSpec[K]>;
}

type CallTimeouts = Pick<HubTimeouts, 'callMs' | 'callMaxMs'>;

export interface ServerIdentity {
  readonly namespace: string;
  readonly name: string;
}

export function toServerConfig(identity: ServerIdentity, spec: McpServerSpec, hub: CallTimeouts): ServerConfig {
  const source = toSource(spec);
  const transport = spec.transport === 'auto' ? transportOf(source, spec.http !== undefined) : spec.transport;
  const lifecycle = section(spec, 'lifecycle');
  const running = {
    source,
    transport,
    protocol: spec.protocol,
    ...(spec.http === undefined ? {} : { http: spec.http }),
    env: [...spec.envFrom.map(toEnvFrom), ...spec.env.map(toEnv)],
    roots: spec.roots.map(toRoot),
    headers: ((spec.source.remote ?? spec.source.hub)?.headers ?? []).map(toHeader),
    lifecycle: {
      start: lifecycle.start,
      drainTimeoutMs: ms(lifecycle.drainTimeout),
      required: lifecycle.required,
      ...(lifecycle.start === 'onDemand' ? { idleMs: ms(lifecycle.idleTimeout) } : {}),
    },
    instances: toInstances(spec, transport),
  } as const;
  const caps = toCaps(spec);
  const tools = section(spec, 'tools');
  const health = section(spec, 'health');
  const timeouts = section(spec, 'timeouts');
  return {
    namespace: identity.namespace,
    name: identity.name,
    key: `${identity.namespace}/${identity.name}`,
    prefix: identity.name,
    // Limits of a process are set when it starts.
    runtimeHash: contentHash(Object.keys(caps).length === 0 ? running : { ...running, caps }),
    ...running,
    tools: toToolEdits(tools),
    health: {
      intervalMs: ms(health.interval),
      timeoutMs: ms(health.timeout),
      failureThreshold: health.failureThreshold,
    },
    resilience: toResilience(spec),
    timeouts: { startMs: ms(timeouts.start), connectMs: ms(timeouts.connect), ...callTimeouts(spec, hub) },
    limits: { responseBytes: parseBytes(section(spec, 'limits').response) ?? 0, ...caps },
  };
}

function toSource({ source }: McpServerSpec): ServerSource {
  if (source.npm !== undefined) return { kind: 'npm', ...source.npm };
  if (source.pypi !== undefined) return { kind: 'pypi', ...source.pypi };
  if (source.command !== undefined) return { kind: 'command', ...source.command };
  if (source.image !== undefined) return { kind: 'image', ...source.image };
  if (source.hub?.name !== undefined) return { kind: 'hub', name: source.hub.name, path: '' };
  if (source.hub !== undefined) return { kind: 'hub', url: source.hub.url ?? '' };
  const { url = '', endpoints } = source.remote ?? {};
  return { kind: 'remote', url, ...(endpoints === undefined ? {} : { endpoints }) };
}

/** The same server, now that the path of the hub it leads to is known. */
export function towardHub(
  config: ServerConfig,
  source: Extract<ServerSource, { readonly name: string }>,
): ServerConfig {
  return { ...config, source, runtimeHash: contentHash([config.runtimeHash, source]) };
}

function transportOf(source: ServerSource, listens: boolean): Exclude<ServerConfig['transport'], 'auto'> {
  if (source.kind === 'hub') return 'streamableHttp';
  if (source.kind === 'remote') return /^wss?:/.test(source.url) ? 'websocket' : 'streamableHttp';
  return listens ? 'streamableHttp' : 'stdio';
}

function toToolEdits({
  include,
  exclude,
  rename,
  describe,
  annotate,
  validate,
}: NonNullable<McpServerSpec['tools']>): ServerConfig['tools'] {
  return {
    include,
    exclude,
    rename,
    describe,
    ...(annotate === undefined ? {} : { annotate }),
    ...(validate === 'none' ? {} : { validate }),
  };
}

function toEnv(entry: McpServerSpec['env'][number]): EnvEntry {
  const { name, valueFrom } = entry;
  if (valueFrom?.secretKeyRef !== undefined) return { name, secretKeyRef: valueFrom.secretKeyRef };
  if (valueFrom?.configMapKeyRef !== undefined) return { name, configMapKeyRef: valueFrom.configMapKeyRef };
  return { name, value: entry.value ?? '' };
}

function toEnvFrom({ secretRef, configMapRef, prefix }: McpServerSpec['envFrom'][number]): EnvEntry {
  const reference = secretRef ?? configMapRef;
  return {
    from: {
      kind: secretRef === undefined ? 'ConfigMap' : 'Secret',
      name: reference?.name ?? '',
      prefix,
      optional: reference?.optional ?? false,
    },
  };
}

function toRoot({ name, mountPath, readOnly, directory, claim, emptyDir }: McpServerSpec['roots'][number]): RootConfig {
  return {
    name,
    mountPath: mountPath ?? `/roots/${name}`,
    readOnly,
    ...(directory === undefined ? {} : { directory }),
    ...(claim === undefined ? {} : { claim }),
    ...(emptyDir === undefined ? {} : { emptyDir: true }),
  };
}

function toHeader({
  name,
  value,
  valueFrom,
}: NonNullable<McpServerSpec['source']['remote']>['headers'][number]): HeaderEntry {
  if (valueFrom === undefined) return { name, value: value ?? '' };
  return {
    name,
    secretKeyRef: valueFrom.secretKeyRef,
    ...(valueFrom.prefix === undefined ? {} : { prefix: valueFrom.prefix }),
  };
}

/** A process is dear and shared by nature; a session over HTTP is cheap and belongs to one client. */
function toInstances(spec: McpServerSpec, transport: ServerConfig['transport']): ServerConfig['instances'] {
  const stdio = transport === 'stdio';
  return {
    mode: spec.instances?.mode ?? (stdio ? 'shared' : 'perClient'),
    max: spec.instances?.max ?? (stdio ? 4 : 1_000),
  };
}

function callTimeouts(spec: McpServerSpec, hub: CallTimeouts): CallTimeouts {
  const ownCall = spec.timeouts?.call === undefined ? undefined : ms(spec.timeouts.call);
  const ownMax = spec.timeouts?.callMax === undefined ? undefined : ms(spec.timeouts.callMax);
  // One of the two set on the server must not be contradicted by the hub's value for the other.
  const callMaxMs = ownMax ?? Math.max(hub.callMaxMs, ownCall ?? 0);
  return { callMs: ownCall ?? Math.min(hub.callMs, callMaxMs), callMaxMs };
}

function toCaps({ limits }: McpServerSpec): Pick<NonNullable<ServerConfig['limits']>, 'memoryBytes' | 'openFiles'> {
  const { memory, openFiles } = limits ?? {};
  return {
    ...(memory === undefined ? {} : { memoryBytes: parseBytes(memory) ?? 0 }),
    ...(openFiles === undefined ? {} : { openFiles }),
  };
}

/** The same server as another hub sees it: only the call timeouts depend on the hub. */
export function forHub(config: ServerConfig, spec: McpServerSpec, hub: CallTimeouts): ServerConfig {
  return { ...config, timeouts: { ...config.timeouts, ...callTimeouts(spec, hub) } };
}

/** The schema has let only durations through. */
export function ms(text: string): number {
  return parseDuration(text) ?? 0;
}

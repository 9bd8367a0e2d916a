/**
 * The containers of a server's Pod.
 *
 * Three shapes: a runner image that installs a package and runs the bridge; an image of the user's with the bridge laid in by an init
 * container; an image of the user's that listens itself and is left as it is.
 */
import type { EnvEntry, ServerConfig, ServerSource } from '../hub-config/index.ts';
import type { McpServerSpec } from '../server/index.ts';
import { canonicalJson } from '../compile/index.ts';
import { renderEnvironment } from './environment.ts';
import { literal, withRoots } from './literal.ts';
import { serverNames } from './names.ts';
import { overlayResources, securityOverlay } from './overlay.ts';
import { injectedCommand, podPaths, podPorts, podVariables } from './pod-contract.ts';
import type { BridgePodSettings, BridgeProgram } from './pod-contract.ts';
import { ownPorts, ownProbes, portProbes, preStop } from './probes.ts';
import { mirrorFiles } from './mirrors.ts';
import { containerSecurity } from './security.ts';
import type { RenderSettings } from './settings.ts';
import type { Json } from './types.ts';
import { join, rootVolumes, scratch, secretFiles, tmp } from './volumes.ts';

export interface ServerPod {
  readonly containers: readonly Json[];
  readonly initContainers?: readonly Json[];
  readonly volumes: readonly Json[];
}

type Workload = Exclude<ServerSource, { kind: 'remote' | 'hub' }>;
type Packaged = Extract<ServerSource, { kind: 'npm' | 'pypi' }>;

export interface PodInput {
  readonly config: ServerConfig;
  readonly source: Workload;
  readonly template: McpServerSpec['template'];
  readonly settings: RenderSettings;
}

/** What a cluster cannot run, in words; undefined when it can. */
export function unrunnable({ source, transport }: ServerConfig): string | undefined {
  if (source.kind === 'command') {
    if (source.image === undefined)
      return 'source.command needs an image in a cluster; set source.command.image to one that holds the program';
    if (transport !== 'stdio' && source.cwd !== undefined && !source.cwd.startsWith('/'))
      return 'source.command.cwd must be an absolute path inside the image';
  }
  if (source.kind === 'image' && transport === 'stdio' && source.command.length === 0)
    return 'a stdio server from an image must name its program, since Kubernetes does not reveal an ENTRYPOINT; set source.image.command';
  return undefined;
}

export function serverPod(input: PodInput): ServerPod {
  const { source, config } = input;
  if (source.kind === 'npm' || source.kind === 'pypi') return runnerPod(input, source);
  const image = source.image ?? '';
  return config.transport === 'stdio' ? injectedPod(input, source, image) : plainPod(input, source, image);
}

function runnerPod(input: PodInput, source: Packaged): ServerPod {
  const { settings, config } = input;
  const mirror = mirrorFiles(source.kind, config, settings);
  const mounted = join(bridgeVolumes(config), scratch('cache', podPaths.cache, '2Gi'), mirror);
  const container = {
    ...bridgeContainer(input, [...mirror.env]),
    image: source.kind === 'npm' ? settings.images.runnerNpm : settings.images.runnerPypi,
    args: ['bridge', '--', ...words(source.args, config)],
    volumeMounts: mounted.mounts,
  };
  return { containers: [container], volumes: mounted.volumes };
}

type Imaged = Extract<ServerSource, { kind: 'command' | 'image' }>;

function injectedPod(input: PodInput, source: Imaged, image: string): ServerPod {
  const { settings, config, template } = input;
  const tools = scratch('tools', podPaths.tools, '512Mi');
  const mounted = join(bridgeVolumes(config), {
    volumes: tools.volumes,
    mounts: tools.mounts.map((mount) => ({ ...mount, readOnly: true })),
  });
  const install = {
    name: 'bridge',
    image: settings.images.hub,
    args: ['bridge', '--install', podPaths.install],
    resources: settings.resources.server,
    securityContext: containerSecurity(),
    volumeMounts: tools.mounts.map((mount) => ({ ...mount, mountPath: podPaths.install })),
  };
  const container = {
    // Empty: what the image sets for its own Node must not reach ours. (The API server would drop an empty `value`.)
    ...bridgeContainer(input, [{ name: 'NODE_OPTIONS' }]),
    image,
    command: injectedCommand,
    args: ['bridge', '--', ...commandOf(source), ...words(source.args, config)],
    volumeMounts: mounted.mounts,
    securityContext: containerSecurity(securityOverlay(template)),
  };
  return { initContainers: [install], containers: [container], volumes: mounted.volumes };
}

/** Its own health is all there is to see from outside. */
function plainPod({ config, settings, template }: PodInput, source: Imaged, image: string): ServerPod {
  const mounted = join(tmp('1Gi'), rootVolumes(config.roots));
  const { env, envFrom } = renderEnvironment(config.env, config.roots, '');
  const command = commandOf(source);
  const args = words(source.args, config);
  const container = {
    name: 'server',
    image,
    ...(command.length === 0 ? {} : { command }),
    ...(args.length === 0 ? {} : { args }),
    ...(source.kind === 'command' && source.cwd !== undefined ? { workingDir: source.cwd } : {}),
    env: withHome(env),
    ...(envFrom.length === 0 ? {} : { envFrom }),
    ports: [{ name: 'mcp', containerPort: listeningPort(config), protocol: 'TCP' }],
    ...portProbes(config.timeouts.startMs),
    lifecycle: preStop,
    resources: overlayResources(settings.resources.server, template),
    securityContext: containerSecurity(securityOverlay(template)),
    volumeMounts: mounted.mounts,
  };
  return { containers: [container], volumes: mounted.volumes };
}

function bridgeContainer({ config, settings, source, template }: PodInput, more: readonly Json[]): Json {
  const { env, envFrom } = renderEnvironment(config.env, config.roots, podVariables.childPrefix);
  const secretVariables = config.env.flatMap(secretVariable);
  const bridge: BridgePodSettings = {
    version: 1,
    server: config.key,
    program: programOf(source),
    protocol: config.protocol,
    // A bridge knows callers by the key that hubs give them; whom a key stands for is decided there.
    instances: { ...config.instances, mode: config.instances.mode === 'shared' ? 'shared' : 'perClient' },
    startMs: config.timeouts.startMs,
    drainMs: config.lifecycle.drainTimeoutMs,
    port: podPorts.mcp,
    healthPort: podPorts.health,
    tokenDirectory: podPaths.bridgeToken,
    childPrefix: podVariables.childPrefix,
    ...(secretVariables.length === 0 ? {} : { secretVariables }),
    ...(isDefault(config.limits) ? {} : { limits: config.limits }),
  };
  return {
    name: 'server',
    env: [...withHome(more), { name: podVariables.bridge, value: literal(canonicalJson(bridge)) }, ...env],
    ...(envFrom.length === 0 ? {} : { envFrom }),
    ports: ownPorts(),
    ...ownProbes(),
    lifecycle: preStop,
    resources: overlayResources(settings.resources.server, template),
    securityContext: containerSecurity(securityOverlay(template)),
  };
}

function secretVariable(entry: EnvEntry): readonly string[] {
  if ('from' in entry) return entry.from.kind === 'Secret' ? [`${entry.from.prefix}*`] : [];
  return 'secretKeyRef' in entry ? [entry.name] : [];
}

function programOf(source: Workload): BridgeProgram {
  if (source.kind === 'npm' || source.kind === 'pypi') {
    const { args: _args, ...program } = source;
    return { ...program, cache: podPaths.cache };
  }
  return source.kind === 'command' && source.cwd !== undefined
    ? { kind: 'command', cwd: source.cwd }
    : { kind: 'command' };
}

function bridgeVolumes(config: ServerConfig) {
  const token = secretFiles('bridge-token', serverNames(config.name).bridge, podPaths.bridgeToken);
  return join(tmp('1Gi'), token, rootVolumes(config.roots));
}

/** Roots are for arguments; the program itself is named as it is. */
function commandOf(source: Imaged): readonly string[] {
  return (source.kind === 'command' ? [source.command] : source.command).map(literal);
}

function words(texts: readonly string[], { roots }: ServerConfig): readonly string[] {
  return texts.map((text) => literal(withRoots(text, roots)));
}

/** The user of the Pod has no home in any image, and the root file system is read-only. */
function withHome(env: readonly Json[]): readonly Json[] {
  return env.some((entry) => entry['name'] === 'HOME') ? env : [{ name: 'HOME', value: podPaths.tmp }, ...env];
}

/** Where the container itself listens for MCP: the bridge's port, or that of an image that is left as it is. */
export function listeningPort(config: ServerConfig): number {
  return config.transport === 'stdio' ? podPorts.mcp : (config.http?.port ?? podPorts.mcp);
}

/** What a bridge of an older release keeps anyway. */
function isDefault(limits: ServerConfig['limits']): boolean {
  return limits === undefined || canonicalJson(limits) === '{"responseBytes":8388608}';
}

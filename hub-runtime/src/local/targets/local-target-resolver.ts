/**
 * What a ServerConfig means on this machine: which program with which environment, or which address with which headers.
 *
 * Runs at each start of a server, so a secret, directory or package that appeared meanwhile is found. Reads references and installs
 * packages; starts nothing. Secret values leave here only inside the target, which is never logged.
 */
import { homedir } from 'node:os';
import path from 'node:path';

import type { HubSource, ServerConfig, ServerSource } from '@quaymaster/crds';

import { declaredEndpoints } from '../../driver/index.ts';
import { type ServerTarget, TargetError, type TargetResolver } from '../../exchange/index.ts';
import type { PackageStore } from '../packages/index.ts';
import { baseEnvironment } from './base-environment.ts';
import { environmentOf, headersOf, type ObjectLookup, secretsOf } from './references.ts';
import { resolveRoots, substituteRoots } from './roots.ts';

export interface LocalTargetDeps {
  readonly packages: PackageStore;
  /** Secrets and ConfigMaps of this moment. */
  readonly objects: ObjectLookup;
  /** The hub's own environment; only an allow-list of it reaches servers. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory of the manifest that declares a server (by key `namespace/name`). */
  readonly manifestDirectory: (serverKey: string) => string;
  /** Where the hubs of this process listen, `http://host:port`. */
  readonly endpoint: () => string | undefined;
  /** For `emptyDir` roots. */
  readonly scratchDirectory: string;
}

export function createLocalTargetResolver(deps: LocalTargetDeps): TargetResolver {
  return new LocalTargetResolver(deps);
}

/** How a program is started, before roots and environment are added. */
interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly package?: { readonly version: string; readonly lockHash: string };
}

class LocalTargetResolver implements TargetResolver {
  readonly #deps: LocalTargetDeps;
  readonly #emptied = new Set<string>();

  constructor(deps: LocalTargetDeps) {
    this.#deps = deps;
  }

  async resolve(server: ServerConfig, progress: (line: string) => void, signal: AbortSignal): Promise<ServerTarget> {
    const { source } = server;
    if (source.kind === 'remote')
      return {
        kind: 'http',
        url: source.url,
        headers: headersOf(server, this.#deps.objects),
        ...declaredEndpoints(source),
      };
    if (source.kind === 'hub')
      return { kind: 'http', url: this.#urlOf(source, server), headers: headersOf(server, this.#deps.objects) };
    if (source.kind === 'image') throw noContainers(source);
    // Cheap things first: a typing error in a manifest shows before a download.
    const { objects, env, scratchDirectory } = this.#deps;
    const manifestDirectory = this.#deps.manifestDirectory(server.key);
    const roots = resolveRoots(server, { manifestDirectory, scratchDirectory, emptied: this.#emptied });
    const substitute = (text: string): string => substituteRoots(text, roots);
    const own = environmentOf(server, objects, substitute);
    const given = source.args.map(substitute);
    const program = await this.#program(source, manifestDirectory, progress, signal);
    const secrets = secretsOf(server, objects);
    const process = {
      command: program.command,
      args: [...program.args, ...given],
      env: { ...baseEnvironment(env), ...own },
      cwd: program.cwd,
      ...(secrets.length > 0 && { secrets }),
    };
    if (listensItself(server)) return listeningTarget(server, process);
    return { kind: 'stdio', ...process, ...(program.package !== undefined && { package: program.package }) };
  }

  #urlOf(source: HubSource, { namespace }: ServerConfig): string {
    if ('url' in source) return source.url;
    const base = this.#deps.endpoint();
    if (base === undefined)
      throw new TargetError(
        'Unsupported',
        `hub "${source.name}" can be reached by name only while this program listens; leave out --stdio, or use source.hub.url`,
        false,
      );
    return `${base}/hubs/${namespace}/${source.name}${source.path}`;
  }

  async #program(
    source: Extract<ServerSource, { kind: 'npm' | 'pypi' | 'command' }>,
    manifestDirectory: string,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Program> {
    if (source.kind === 'command') return commandProgram(source, manifestDirectory);
    const { command, args, version, lockHash } = await this.#deps.packages.install(source, progress, signal);
    return { command, args, cwd: manifestDirectory, package: { version, lockHash } };
  }
}

function commandProgram(source: Extract<ServerSource, { kind: 'command' }>, manifestDirectory: string): Program {
  const cwd = path.resolve(manifestDirectory, expandHome(source.cwd ?? '.'));
  // A bare name is looked up on PATH; a path is meant from the working directory, as a shell would.
  const isPath = source.command.includes('/') || (process.platform === 'win32' && source.command.includes('\\'));
  const command = isPath ? path.resolve(cwd, expandHome(source.command)) : source.command;
  return { command, args: [], cwd };
}

function expandHome(file: string): string {
  return file.startsWith('~/') ? path.join(homedir(), file.slice(2)) : file;
}

/** `auto` is HTTP exactly where `http` is set. */
function listensItself(server: ServerConfig): boolean {
  return server.transport === 'auto' ? server.http !== undefined : server.transport !== 'stdio';
}

function listeningTarget(
  server: ServerConfig,
  process: NonNullable<Extract<ServerTarget, { kind: 'http' }>['process']>,
): ServerTarget {
  const { http } = server;
  if (http === undefined)
    throw new TargetError(
      'Unsupported',
      `transport ${server.transport} needs http.port for a server that is started here`,
      false,
    );
  // By name: programs that listen on `localhost` are found on whichever of 127.0.0.1 and ::1 they chose.
  return { kind: 'http', url: `http://localhost:${http.port}${http.path}`, headers: {}, process };
}

function noContainers(source: Extract<ServerSource, { kind: 'image' }>): TargetError {
  return new TargetError(
    'Unsupported',
    `source.image (${source.image}) runs in a cluster; on this machine use npm, pypi or command, or start the container yourself and use source.remote`,
    false,
  );
}

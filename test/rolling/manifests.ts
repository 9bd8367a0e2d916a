/** One hub with three replicas over servers of each kind and number, and a hub and a server that are alone. */
import type { JsonObject, ServerScript } from '../kit/index.ts';
import { apiVersion, http, stdio } from '../parity/world.ts';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: JsonObject;
}

export const hub = 'desk';
export const lonelyHub = 'alone';
export const lonelyServer = 'lonely';
export const hubReplicas = 3;
/** With two replicas each: of both eras, behind the bridge and without one. */
export const pairs = ['ls', 'ms', 'lh', 'mh'] as const;
/** With one. */
export const singles = ['sole', 'soleh'] as const;

const port = 8080;
/** Calls take milliseconds here, and what ends is waited for. */
const lifecycle = { drainTimeout: '5s' };

export function manifests(): readonly Manifest[] {
  return [
    hubManifest(hub, hubReplicas),
    hubManifest(lonelyHub, 1),
    server('ls', hub, stdio(script('legacy', 'ls')), 2),
    server('ms', hub, stdio(script('modern', 'ms')), 2),
    server('lh', hub, http(script('legacy', 'lh'), port), 2),
    server('mh', hub, http(script('modern', 'mh'), port), 2),
    server('sole', hub, stdio(script('legacy', 'sole')), 1),
    server('soleh', hub, http(script('modern', 'soleh'), port), 1),
    server(lonelyServer, lonelyHub, stdio(script('modern', lonelyServer)), 1),
  ];
}

export const toolOf = (name: string): string => `${name}_echo`;

function script(era: 'legacy' | 'modern', name: string): ServerScript {
  return {
    era,
    serverInfo: { name, version: '1' },
    tools: [{ name: 'echo' }, { name: 'whoami', does: { whoami: true } }],
  };
}

function hubManifest(name: string, replicas: number): Manifest {
  const servers = { selector: { matchLabels: { hub: name } } };
  return { apiVersion, kind: 'McpHub', metadata: { name }, spec: { servers, auth: { mode: 'none' }, replicas } };
}

function server(name: string, of: string, spec: JsonObject, replicas: number): Manifest {
  return {
    apiVersion,
    kind: 'McpServer',
    metadata: { name, labels: { hub: of } },
    spec: { ...spec, replicas, lifecycle },
  };
}

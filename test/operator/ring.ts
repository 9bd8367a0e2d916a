/** Hubs in front of hubs, in namespace "ring". */

export function ringHub(name: string, servers: string): string {
  return `apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata: {name: ${name}, namespace: ring}
spec: {servers: {include: [${servers}]}, auth: {mode: none}, replicas: 1, path: /${name}}`;
}

/** A server that is the hub `target`. */
export function serverToward(name: string, target: string): string {
  return `apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata: {name: ${name}, namespace: ring}
spec: {source: {hub: {name: ${target}}}}`;
}

/** `spec.exposure` of a hub: an HTTPRoute at a Gateway, or an Ingress, to its endpoint and nothing else. */
import type { HubConfig } from '../hub-config/index.ts';
import type { McpHubSpec } from '../hub/index.ts';
import { servicePort } from './shared-objects.ts';
import type { Json, KubeObject } from './types.ts';

type Exposure = NonNullable<McpHubSpec['exposure']>;
type Body = Omit<KubeObject, 'metadata'> & { readonly name: string };

/** `name`: of the route and of the Service it leads to. */
export function exposureObjects(name: string, paths: readonly string[], exposure: Exposure): readonly Body[] {
  const { gatewayRef, ingress, hosts } = exposure;
  if (gatewayRef !== undefined) return [httpRoute(name, paths, gatewayRef, hosts)];
  return ingress === undefined ? [] : [ingressObject(name, paths, ingress, hosts)];
}

/**
 * Everything clients may ask for. WebSocket needs no path of its own, and no timeouts: silent streams and sockets show a sign of life every
 * `timeouts.keepAlive`, well within what proxies allow.
 */
export function clientPaths({ path, transports }: HubConfig): readonly string[] {
  return transports?.sse === true ? [path, `${path}/sse`, `${path}/messages`] : [path];
}

function httpRoute(
  name: string,
  paths: readonly string[],
  { name: gateway, namespace, sectionName }: NonNullable<Exposure['gatewayRef']>,
  hosts: readonly string[],
): Body {
  const parent = {
    group: 'gateway.networking.k8s.io',
    kind: 'Gateway',
    name: gateway,
    ...(namespace === undefined ? {} : { namespace }),
    ...(sectionName === undefined ? {} : { sectionName }),
  };
  const rule: Json = {
    matches: paths.map((value) => ({ path: { type: 'Exact', value } })),
    // Streams stay open for as long as the client listens.
    timeouts: { request: '0s' },
    backendRefs: [{ group: '', kind: 'Service', name, port: servicePort, weight: 1 }],
  };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    name,
    spec: { parentRefs: [parent], ...(hosts.length === 0 ? {} : { hostnames: hosts }), rules: [rule] },
  };
}

function ingressObject(
  name: string,
  paths: readonly string[],
  { className, tlsSecretName }: NonNullable<Exposure['ingress']>,
  hosts: readonly string[],
): Body {
  const http = {
    paths: paths.map((path) => ({
      path,
      pathType: 'Exact',
      backend: { service: { name, port: { number: servicePort } } },
    })),
  };
  const tls = { ...(hosts.length === 0 ? {} : { hosts }), secretName: tlsSecretName };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    name,
    spec: {
      ...(className === undefined ? {} : { ingressClassName: className }),
      ...(tlsSecretName === undefined ? {} : { tls: [tls] }),
      rules: hosts.length === 0 ? [{ http }] : hosts.map((host) => ({ host, http })),
    },
  };
}

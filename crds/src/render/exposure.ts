/** `spec.exposure` of a hub: an HTTPRoute at a Gateway, or an Ingress, to its endpoint and nothing else. */
import type { McpHubSpec } from '../hub/index.ts';
import { servicePort } from './shared-objects.ts';
import type { Json, KubeObject } from './types.ts';

type Exposure = NonNullable<McpHubSpec['exposure']>;
type Body = Omit<KubeObject, 'metadata'> & { readonly name: string };

/** `name`: of the route and of the Service it leads to. */
export function exposureObjects(name: string, path: string, exposure: Exposure): readonly Body[] {
  const { gatewayRef, ingress, hosts } = exposure;
  if (gatewayRef !== undefined) return [httpRoute(name, path, gatewayRef, hosts)];
  return ingress === undefined ? [] : [ingressObject(name, path, ingress, hosts)];
}

function httpRoute(
  name: string,
  path: string,
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
    matches: [{ path: { type: 'Exact', value: path } }],
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
  path: string,
  { className, tlsSecretName }: NonNullable<Exposure['ingress']>,
  hosts: readonly string[],
): Body {
  const http = {
    paths: [{ path, pathType: 'Exact', backend: { service: { name, port: { number: servicePort } } } }],
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

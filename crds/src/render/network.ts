/**
 * Who may connect to a Pod, and from a server's Pod to where.
 *
 * Probes need no rule: traffic from the node of a Pod is always let in. Whether any of this is enforced is up to the network plugin of the
 * cluster. Hubs may connect everywhere: their servers can be anywhere.
 */
import type { HubConfig } from '../hub-config/index.ts';
import { selectorLabels } from './labels.ts';
import { podPorts } from './pod-contract.ts';
import type { RenderSettings } from './settings.ts';
import type { Json, KubeObject } from './types.ts';

type Body = Omit<KubeObject, 'metadata'> & { readonly name: string };

const tcp = (port: number | string): Json => ({ port, protocol: 'TCP' });

export interface ServerNetwork {
  readonly policyName: string;
  readonly server: string;
  readonly port: number;
  /** Names of the hubs that offer it, in the same namespace. */
  readonly hubs: readonly string[];
  /** It runs behind a bridge, which has metrics. */
  readonly bridged: boolean;
  readonly settings: RenderSettings;
}

export function serverNetwork({ policyName, server, port, hubs, bridged, settings }: ServerNetwork): Body {
  const fromHubs = hubs.map((name) => ({ podSelector: { matchLabels: selectorLabels('hub', name) } }));
  const { serverEgress } = settings;
  return policy(policyName, selectorLabels('server', server), {
    policyTypes: serverEgress === undefined ? ['Ingress'] : ['Ingress', 'Egress'],
    ingress: [
      // An empty `from` would mean everybody.
      ...(fromHubs.length === 0 ? [] : [{ from: fromHubs, ports: [tcp(port)] }]),
      ...(bridged ? scrapes(settings) : []),
    ],
    ...(serverEgress === undefined ? {} : { egress: [dns, ...serverEgress.map(egressRule)] }),
  });
}

export interface HubNetwork {
  readonly policyName: string;
  readonly hub: string;
  readonly auth: HubConfig['auth'];
  readonly exposed: boolean;
  readonly settings: RenderSettings;
}

/** Gateways and ingress controllers call from namespaces nobody declares, so an exposed hub takes calls from everywhere. */
export function hubNetwork({ policyName, hub, auth, exposed, settings }: HubNetwork): Body {
  const everywhere = exposed || auth.mode !== 'none' || settings.anonymousCallers === 'cluster';
  const own = selectorLabels('hub', hub);
  return policy(policyName, own, {
    policyTypes: ['Ingress'],
    ingress: [
      { ...(everywhere ? {} : { from: [{ podSelector: {} }] }), ports: [tcp(podPorts.mcp)] },
      { from: [{ podSelector: { matchLabels: own } }], ports: [tcp(podPorts.peers)] },
      ...scrapes(settings),
    ],
  });
}

function policy(name: string, matchLabels: Readonly<Record<string, string>>, rules: Json): Body {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    name,
    spec: { podSelector: { matchLabels }, ...rules },
  };
}

function scrapes({ monitoringNamespace }: RenderSettings): readonly Json[] {
  if (monitoringNamespace === undefined) return [];
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': monitoringNamespace } };
  return [{ from: [{ namespaceSelector }], ports: [tcp(podPorts.health)] }];
}

/** To anybody: where the DNS of a cluster runs differs, and some answer from the node. */
const dns: Json = { ports: [tcp(53), { port: 53, protocol: 'UDP' }] };

function egressRule({ cidr, ports }: NonNullable<RenderSettings['serverEgress']>[number]): Json {
  return { to: [{ ipBlock: { cidr } }], ...(ports.length === 0 ? {} : { ports: ports.map(tcp) }) };
}

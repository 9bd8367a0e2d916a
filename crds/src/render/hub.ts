/**
 * What a cluster gets for one McpHub. Pure: the operator applies what this returns, `qm render` prints the very same.
 *
 * Nothing of the hub's configuration reaches the Pod template: a changed configuration travels to running Pods and restarts none (EF-57).
 * The three Secrets are referred to by name; the operator makes them.
 */
import { canonicalJson } from '../compile/index.ts';
import { draft } from '../conditions/index.ts';
import { clientPaths, exposureObjects } from './exposure.ts';
import { ownedBy } from './finish.ts';
import { ownLabels, selectorLabels } from './labels.ts';
import { literal } from './literal.ts';
import { hubNames } from './names.ts';
import type { HubNames } from './names.ts';
import { hubNetwork } from './network.ts';
import { malformedKeys, overlayPod, overlayResources, securityOverlay } from './overlay.ts';
import type { Template } from './overlay.ts';
import { podPaths, podPorts, podVariables } from './pod-contract.ts';
import type { HubPodSettings } from './pod-contract.ts';
import { gracePeriod, ownPorts, ownProbes, preStop } from './probes.ts';
import { containerSecurity, podSecurity } from './security.ts';
import { controlAddress } from './settings.ts';
import type { RenderSettings } from './settings.ts';
import { deployment, disruptionBudget, podBasics, service, serviceAccount } from './shared-objects.ts';
import { hubSpec } from './spec-of.ts';
import type { Json, Rendered, RenderHubInput } from './types.ts';
import { join, secretFiles, tmp } from './volumes.ts';

export function renderHub({ outcome, settings, autoscaled = false }: RenderHubInput): Rendered {
  const { config, name } = outcome;
  if (config === undefined) return { objects: [], problems: [] };
  const { replicas, exposure, template } = hubSpec(outcome.object);
  const malformed = malformedKeys(template);
  if (malformed !== undefined)
    return { objects: [], problems: [{ ...draft('Ready', 'Unsupported'), message: malformed, next: '' }] };
  const names = hubNames(name);
  const selector = selectorLabels('hub', name);
  const refused = exposure !== undefined && config.auth.mode === 'none' && !settings.allowAnonymousExposure;
  const exposed = exposure !== undefined && !refused;
  const objects = ownedBy({ component: 'hub', ...outcome }, [
    ...(template?.spec?.serviceAccountName === undefined ? [serviceAccount(names.workload)] : []),
    hubNetwork({ policyName: names.workload, hub: name, auth: config.auth, exposed, settings }),
    service(names.workload, selector),
    peersService(names.peers, selector),
    disruptionBudget(names.workload, selector),
    deployment({
      name: names.workload,
      selector,
      replicas: autoscaled ? undefined : replicas,
      template: overlayPod(
        {
          labels: ownLabels('hub', name),
          annotations: {},
          spec: podSpec(outcome, names, settings, template),
          selector,
        },
        template,
      ),
    }),
    ...(exposed ? exposureObjects(names.workload, clientPaths(config), exposure) : []),
  ]);
  return { objects, problems: refused ? [draft('Degraded', 'AnonymousExposure')] : [] };
}

/** Headless, and with Pods that are not ready: a replica that drains still owns its sessions. */
function peersService(name: string, selector: Readonly<Record<string, string>>) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    name,
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector,
      ports: [{ name: 'peers', port: podPorts.peers, targetPort: 'peers', protocol: 'TCP' }],
    },
  };
}

interface HubIdentity {
  readonly namespace: string;
  readonly name: string;
}

function podSpec(hub: HubIdentity, names: HubNames, settings: RenderSettings, template: Template | undefined): Json {
  const drainMs = settings.hubDrainSeconds * 1_000;
  const mounted = join(
    tmp('128Mi'),
    secretFiles('config', names.config, podPaths.hubConfig),
    secretFiles('credentials', names.credentials, podPaths.hubCredentials),
    secretFiles('sealing', names.sealing, podPaths.hubSealing),
    controlToken(settings),
  );
  const container = {
    name: 'hub',
    image: settings.images.hub,
    args: ['hub'],
    env: [
      { name: 'HOME', value: podPaths.tmp },
      { name: podVariables.hub, value: literal(canonicalJson(podSettings(hub, names, settings, drainMs))) },
      ...podFacts(),
    ],
    ports: ownPorts([{ name: 'peers', containerPort: podPorts.peers, protocol: 'TCP' }]),
    ...ownProbes(),
    lifecycle: preStop,
    resources: overlayResources(settings.resources.hub, template),
    securityContext: containerSecurity(),
    volumeMounts: mounted.mounts,
  };
  return {
    ...podBasics(names.workload, settings.imagePullSecrets, selectorLabels('hub', hub.name)),
    containers: [container],
    securityContext: podSecurity(securityOverlay(template)),
    terminationGracePeriodSeconds: gracePeriod(drainMs),
    volumes: mounted.volumes,
  };
}

function podSettings(
  { namespace, name }: HubIdentity,
  names: HubNames,
  settings: RenderSettings,
  drainMs: number,
): HubPodSettings {
  return {
    version: 1,
    hub: `${namespace}/${name}`,
    port: podPorts.mcp,
    healthPort: podPorts.health,
    peerPort: podPorts.peers,
    peers: `${names.peers}.${namespace}.svc.${settings.clusterDomain}`,
    configDirectory: podPaths.hubConfig,
    credentialsDirectory: podPaths.hubCredentials,
    sealingDirectory: podPaths.hubSealing,
    control: { address: controlAddress(settings), tokenFile: `${podPaths.controlToken}/token` },
    drainMs,
  };
}

/** The only token in the Pod; it is good for the control stream and nothing else. */
function controlToken({ control }: RenderSettings) {
  const serviceAccountToken = { audience: control.audience, expirationSeconds: 3_600, path: 'token' };
  return {
    volumes: [{ name: 'control-token', projected: { defaultMode: 0o440, sources: [{ serviceAccountToken }] } }],
    mounts: [{ name: 'control-token', mountPath: podPaths.controlToken, readOnly: true }],
  };
}

function podFacts(): readonly Json[] {
  const facts = [
    [podVariables.podName, 'metadata.name'],
    [podVariables.podUid, 'metadata.uid'],
    [podVariables.podIp, 'status.podIP'],
  ];
  return facts.map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } }));
}

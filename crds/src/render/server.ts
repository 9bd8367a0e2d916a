/**
 * What a cluster gets for one McpServer. Pure: the operator applies what this returns, `qm render` prints the very same.
 *
 * A server that is refused, that no hub offers or that runs elsewhere gets nothing, as on a laptop nothing is started for it.
 */
import { draft } from '../conditions/index.ts';
import { ownedBy } from './finish.ts';
import { ownLabels, selectorLabels } from './labels.ts';
import { serverNames } from './names.ts';
import { serverNetwork } from './network.ts';
import { malformedKeys, overlayPod, securityOverlay } from './overlay.ts';
import { gracePeriod } from './probes.ts';
import { referencesChecksum } from './references.ts';
import { podSecurity } from './security.ts';
import { listeningPort, serverPod, unrunnable } from './server-container.ts';
import { deployment, disruptionBudget, podBasics, service, serviceAccount } from './shared-objects.ts';
import { serverSpec } from './spec-of.ts';
import type { Json, Rendered, RenderServerInput } from './types.ts';
import { replacesBeforeStart, unmountable } from './volumes.ts';

export function renderServer(input: RenderServerInput): Rendered {
  const { outcome, settings } = input;
  const { config } = outcome;
  if (config === undefined || !outcome.active) return { objects: [], problems: [] };
  // They run elsewhere, or have Pods of their own.
  if (config.source.kind === 'remote' || config.source.kind === 'hub') return { objects: [], problems: [] };
  const { replicas, template } = serverSpec(outcome.object);
  const impossible = unrunnable(config) ?? unmountable(config.roots) ?? malformedKeys(template);
  if (impossible !== undefined)
    return { objects: [], problems: [{ ...draft('Ready', 'Unsupported'), message: impossible, next: '' }] };
  const names = serverNames(config.name);
  const selector = selectorLabels('server', config.name);
  const checksum = referencesChecksum(config, input.checksums ?? {});
  const pod = serverPod({ config, source: config.source, template, settings });
  const spec: Json = {
    ...podBasics(names.workload, settings.imagePullSecrets, selector),
    ...pod,
    securityContext: podSecurity(securityOverlay(template), listeningPort(config)),
    terminationGracePeriodSeconds: gracePeriod(config.lifecycle.drainTimeoutMs),
  };
  const objects = ownedBy({ component: 'server', ...outcome }, [
    ...(template?.spec?.serviceAccountName === undefined ? [serviceAccount(names.workload)] : []),
    serverNetwork({
      policyName: names.workload,
      server: config.name,
      port: listeningPort(config),
      hubs: outcome.hubs.map(nameOf),
      bridged: config.transport === 'stdio',
      settings,
    }),
    service(names.workload, selector, { sessionAffinity: 'ClientIP' }),
    disruptionBudget(names.workload, selector),
    deployment({
      name: names.workload,
      selector,
      replicas: input.autoscaled === true ? undefined : replicas,
      recreate: replacesBeforeStart(config),
      template: overlayPod(
        {
          labels: ownLabels('server', config.name),
          annotations: checksum === undefined ? {} : { 'quaymaster.dev/references': checksum },
          spec,
          selector,
        },
        template,
      ),
    }),
  ]);
  return { objects, problems: [] };
}

/** Hubs only offer servers of their own namespace. */
const nameOf = (key: string): string => key.slice(key.indexOf('/') + 1);

/** Hub Pods of a test cluster with simulated nodes, each played by a member of the fleet: with a token the API server bound to that Pod. */
import { createFleet, type Fleet } from '@quaymaster/testkit';
import type { Cluster } from '@quaymaster/cluster';

import { operatorNamespace, type OperatorProcess } from './operator-process.ts';

export interface HubFleet extends AsyncDisposable {
  readonly fleet: Fleet;
  /** Pods that follow are looked for so often. */
  follow(): void;
}

interface PodList {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly namespace: string;
      readonly uid: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly deletionTimestamp?: string;
    };
    readonly spec: { readonly serviceAccountName: string };
    readonly status: { readonly podIP?: string };
  }[];
}

/** `operators`: asked at every dial, so that those started later are found too. */
export function createHubFleet(
  cluster: Cluster,
  operators: () => readonly OperatorProcess[],
  lookEveryMs = 150,
): HubFleet {
  let dials = 0;
  let authority = '';
  const fleet = createFleet({
    address: () => {
      const all = operators();
      const next = all[dials++ % Math.max(1, all.length)];
      return `127.0.0.1:${next?.controlPort ?? 1}`;
    },
    ca: () => authority,
    servername: `quaymaster-operator-control.${operatorNamespace}.svc`,
    retryMs: { min: 100, max: 1000 },
  });
  let stopped = false;
  let looking: Promise<void> = Promise.resolve();

  const token = async (namespace: string, account: string, pod: { readonly name: string; readonly uid: string }) => {
    const answer = await cluster.request({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: ['quaymaster.dev/control'],
          expirationSeconds: 3600,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid },
        },
      },
    });
    return (answer.body as { readonly status?: { readonly token?: string } }).status?.token ?? '';
  };

  const look = async (): Promise<void> => {
    const found = await cluster.request({
      method: 'GET',
      path: '/api/v1/pods?resourceVersion=0&labelSelector=app.kubernetes.io%2Fcomponent%3Dhub',
    });
    if (found.status !== 200) return;
    const pods = (found.body as PodList).items.filter((pod) => pod.status.podIP !== undefined);
    if (pods.length > 0 && authority === '') authority = await bundle(cluster);
    for (const { metadata, spec, status } of pods) {
      const { namespace, name, uid, labels } = metadata;
      fleet.add({
        hub: `${namespace}/${labels['quaymaster.dev/hub']}`,
        name,
        uid,
        ip: status.podIP ?? '',
        token: () => token(namespace, spec.serviceAccountName, { name, uid }),
      });
    }
    const living = new Set(pods.map((pod) => pod.metadata.uid));
    for (const { uid } of fleet.states()) if (!living.has(uid)) fleet.remove(uid);
  };

  return {
    fleet,
    follow() {
      looking = (async () => {
        while (!stopped) {
          await look().catch(() => {});
          await new Promise((resolve) => {
            setTimeout(resolve, lookEveryMs);
          });
        }
      })();
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      await looking;
      await fleet[Symbol.asyncDispose]();
    },
  };
}

async function bundle(cluster: Cluster): Promise<string> {
  const path = `/api/v1/namespaces/${operatorNamespace}/secrets/quaymaster-operator-control`;
  const { body } = await cluster.request({ method: 'GET', path });
  const data = (body as { readonly data?: Readonly<Record<string, string>> }).data ?? {};
  return Buffer.from(data['ca.crt'] ?? '', 'base64').toString();
}

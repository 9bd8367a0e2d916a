/**
 * Keeps the Secret `quaymaster-operator-control`: the authority that hubs trust, and the certificate all replicas of the operator serve with.
 *
 * The leader makes and renews; every write carries `create` or a resourceVersion, so of two that believe to lead one wins and the other
 * reads. Standbys only read. Looks every half minute, and at once after `poke`. No key reaches a log.
 */
import { isStatus, type KubeObject, type Resource } from '../kube/index.ts';
import {
  type AuthorityFiles,
  bringUpToDate,
  bundleOf,
  readFiles,
  type SecretData,
  writeFiles,
} from './authority-files.ts';
import type { ControlAuthority, ControlAuthorityDeps } from './authority-types.ts';
import { createIssuer } from './issue-certificates.ts';

export const controlSecretName = 'quaymaster-operator-control';

export const secretResource: Resource = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
};

interface SecretObject extends KubeObject {
  readonly type?: string;
  readonly data?: SecretData;
}

const lookEveryMs = 30_000;
const missingEveryMs = 1_000;
const failedEveryMs = 5_000;
const conflictMs = 250;

export function createControlAuthority(deps: ControlAuthorityDeps): ControlAuthority {
  const { client, namespace, clock, logger } = deps;
  const issuer = createIssuer();
  const service = controlSecretName;
  const hosts = [
    service,
    `${service}.${namespace}`,
    `${service}.${namespace}.svc`,
    `${service}.${namespace}.svc.${deps.clusterDomain}`,
    ...(deps.extraHosts ?? []),
  ];
  const listeners = new Set<() => void>();
  const waiting = new Set<() => void>();
  let current: (AuthorityFiles & { readonly bundle: string }) | undefined;
  let wake = (): void => {};
  /** Somebody poked while a look was under way: it may have read too early. */
  let isPoked = false;

  const adopt = (files: AuthorityFiles): void => {
    const bundle = bundleOf(files);
    const isNew = current?.bundle !== bundle;
    current = { ...files, bundle };
    if (files.serving === undefined) return;
    for (const resolve of waiting) resolve();
    waiting.clear();
    if (isNew) for (const listener of listeners) listener();
  };

  const read = async (signal: AbortSignal): Promise<SecretObject | undefined> => {
    try {
      return await client.get<SecretObject>(secretResource, namespace, controlSecretName, signal);
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  };

  const write = async (before: SecretObject | undefined, data: SecretData, signal: AbortSignal): Promise<void> => {
    if (before === undefined) await client.create(secretResource, newSecret(namespace, data), undefined, signal);
    else await client.replace(secretResource, { ...before, data }, undefined, signal);
  };

  /** One look. Resolves with the time until the next. */
  const look = async (signal: AbortSignal): Promise<number> => {
    const secret = await read(signal);
    const found = readFiles(secret?.data ?? {});
    if (!deps.isLeader()) {
      if (found?.serving !== undefined) adopt(found);
      return current?.serving === undefined ? missingEveryMs : lookEveryMs;
    }
    const { files, steps } = await bringUpToDate(found, hosts, clock.now(), issuer);
    if (steps.length > 0) {
      try {
        await write(secret, writeFiles(files), signal);
        logger.info({ steps, secret: `${namespace}/${controlSecretName}` }, 'control certificates renewed');
      } catch (error) {
        // Somebody was faster: what they wrote counts.
        if (isStatus(error, 409) || isStatus(error, 404)) return conflictMs;
        throw error;
      }
    }
    adopt(files);
    return lookEveryMs;
  };

  const pause = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (isPoked) return resolve();
      const over = (): void => {
        cancel();
        signal.removeEventListener('abort', over);
        resolve();
      };
      const cancel = clock.after(ms, over);
      signal.addEventListener('abort', over);
      wake = over;
    });

  const certificate = (): AuthorityFiles & { readonly bundle: string } => {
    if (current?.serving === undefined) throw new Error('the control stream has no certificate yet');
    return current;
  };

  return {
    async run(signal) {
      while (!signal.aborted) {
        isPoked = false;
        const nextMs = await look(signal).catch((error: unknown) => {
          if (!signal.aborted) logger.warn({ error: String(error) }, 'control certificates could not be looked after');
          return failedEveryMs;
        });
        if (!signal.aborted) await pause(nextMs, signal);
      }
    },
    async ready(signal) {
      if (current?.serving !== undefined) return;
      await new Promise<void>((resolve, reject) => {
        waiting.add(resolve);
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    },
    poke() {
      isPoked = true;
      wake();
    },
    ca: () => certificate().bundle,
    tls: () => certificate().serving as NonNullable<AuthorityFiles['serving']>,
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

function newSecret(namespace: string, data: SecretData): SecretObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: controlSecretName,
      namespace,
      // Not `managed-by`: what carries that label belongs to a hub or a server.
      labels: { 'app.kubernetes.io/part-of': 'quaymaster', 'app.kubernetes.io/component': 'control' },
    },
    type: 'kubernetes.io/tls',
    data,
  };
}

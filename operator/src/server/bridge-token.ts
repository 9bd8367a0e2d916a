/**
 * The Secret with the token that callers of a server's bridge present: made once, mended when something is missing, rotated when asked for.
 *
 * A rotation is asked for by a new value of the annotation `quaymaster.dev/rotate` on the McpServer. It takes three steps with a pause after
 * each, in which every kubelet has brought the files of the Pods up to date: the new token is announced (the bridge takes it, nobody presents
 * it), then hubs present it (the bridge still takes the old one), then the old one is dropped. So no call is refused at any moment.
 * A Secret of that name that belongs to somebody else is never touched, nor mounted.
 */
import { bridgeSecretFiles, ownLabels, serverNames } from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';

import { deleteExactly, isStatus, type KubeClient, type KubeObject, makeKey } from '../kube/index.ts';
import { NameTakenError, ownership } from '../owned/index.ts';
import { resources, type World } from '../world/index.ts';

export const rotateAnnotation = 'quaymaster.dev/rotate';
/** On the Secret: which request was served last, and how far the rotation is (`announced` or `switched`, and since when). */
const rotatedAnnotation = 'quaymaster.dev/rotated';
const stepAnnotation = 'quaymaster.dev/rotation';

export interface BridgeTokens {
  /** Throws NameTakenError. `againMs`: when to look again. */
  ensure(server: KubeObject, signal?: AbortSignal): Promise<{ readonly againMs?: number }>;
  forget(server: KubeObject | string): void;
}

export interface BridgeTokensDeps {
  readonly world: Pick<World, 'stores' | 'known' | 'secretValues'>;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly manager: string;
  readonly randomBytes: (size: number) => Buffer;
  /** Longer than a kubelet takes to bring a mounted Secret up to date (a minute, and its cache). */
  readonly stepMs?: number;
}

const tokenBytes = 32;
const { token, previous } = bridgeSecretFiles;
/** How long the cache may not know of what was just made. */
const lagMs = 5_000;
const soonMs = 100;
const mostRemembered = 20_000;

export function createBridgeTokens(deps: BridgeTokensDeps): BridgeTokens {
  const { world, client, clock } = deps;
  const stepMs = deps.stepMs ?? 150_000;
  const made = new Map<string, number>();

  const newToken = (): string => Buffer.from(deps.randomBytes(tokenBytes).toString('base64url')).toString('base64');

  const create = async (server: KubeObject, signal?: AbortSignal): Promise<{ againMs?: number }> => {
    const key = makeKey(server.metadata.namespace, server.metadata.name);
    const leftMs = (made.get(key) ?? Number.NEGATIVE_INFINITY) + lagMs - clock.monotonic();
    // The cache has not heard of it yet, or it is gone again already.
    if (leftMs > 0) return { againMs: leftMs };
    try {
      const asked = server.metadata.annotations?.[rotateAnnotation];
      const annotations = asked === undefined ? {} : { annotations: { [rotatedAnnotation]: asked } };
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { ...metadataFor(server), ...annotations } };
      const object = { ...secret, type: 'Opaque', data: { [token]: newToken() } };
      await client.create(resources.secrets, object, { fieldManager: deps.manager }, signal);
      if (made.size >= mostRemembered) made.clear();
      made.set(key, clock.monotonic());
      return {};
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
      return await mend(server, undefined, signal);
    }
  };

  /** It is there. `cached`: as the cache has it, when it carries our labels. */
  const mend = async (
    server: KubeObject,
    cached: KubeObject | undefined,
    signal?: AbortSignal,
  ): Promise<{ againMs?: number }> => {
    const wanted = metadataFor(server);
    const secret = cached ?? (await client.get(resources.secrets, wanted.namespace, wanted.name, signal));
    if (secret.metadata.deletionTimestamp !== undefined) return { againMs: soonMs };
    const whose = ownership(secret, server, wanted.labels);
    if (whose === 'foreign') throw new NameTakenError(resources.secrets, secret);
    if (whose === 'former') {
      await deleteExactly(client, resources.secrets, secret, signal);
      return { againMs: soonMs };
    }
    const { step, againMs } = await nextStep(server, secret, signal);
    const metadata = repaired(secret, wanted);
    if (step === undefined && metadata === undefined) return againMs === undefined ? {} : { againMs };
    const { resourceVersion, uid } = secret.metadata;
    const patch = {
      metadata: {
        uid,
        resourceVersion,
        ...metadata,
        ...(step?.annotations === undefined ? {} : { annotations: step.annotations }),
      },
      ...(step === undefined ? {} : { data: step.data }),
    };
    await client.merge(resources.secrets, secret, patch, { fieldManager: deps.manager }, signal);
    return againMs === undefined ? {} : { againMs };
  };

  const nextStep = async (server: KubeObject, secret: KubeObject, signal?: AbortSignal): Promise<Next> => {
    const { name, namespace = 'default', annotations = {} } = secret.metadata;
    const keys = world.known('Secret', namespace, name)?.keys;
    if (keys !== undefined && !keys.has(token)) return { step: { data: { [token]: newToken() } } };
    const now = new Date(clock.now()).toISOString();
    const [stage, since] = (annotations[stepAnnotation] ?? '').split(' ');
    const leftMs = Math.max(0, Date.parse(since ?? '') + stepMs - clock.now());
    if (stage === 'announced') {
      if (leftMs > 0) return { againMs: leftMs };
      const values = await world.secretValues(namespace, name, signal);
      const [old, next] = [values?.[token], values?.[previous]];
      // Somebody took the announced one out again: the rotation begins anew.
      if (next === undefined || old === undefined) return announce(annotations[rotatedAnnotation] ?? '', now);
      const data = { [token]: next.toString('base64'), [previous]: old.toString('base64') };
      return { step: { data, annotations: { [stepAnnotation]: `switched ${now}` } }, againMs: stepMs };
    }
    if (stage === 'switched') {
      if (leftMs > 0) return { againMs: leftMs };
      return { step: { data: { [previous]: null }, annotations: { [stepAnnotation]: null } } };
    }
    const asked = server.metadata.annotations?.[rotateAnnotation];
    return asked === undefined || asked === annotations[rotatedAnnotation] ? {} : announce(asked, now);
  };

  const announce = (asked: string, now: string): Next => ({
    step: {
      data: { [previous]: newToken() },
      annotations: { [rotatedAnnotation]: asked, [stepAnnotation]: `announced ${now}` },
    },
    againMs: stepMs,
  });

  return {
    async ensure(server, signal) {
      const { namespace, name } = metadataFor(server);
      const cached = world.stores.secrets.get(makeKey(namespace, name));
      if (cached === undefined) return await create(server, signal);
      made.delete(makeKey(namespace, server.metadata.name));
      // Without our labels the cache keeps nothing else of it.
      return await mend(server, cached.metadata.labels === undefined ? undefined : cached, signal);
    },
    forget(server) {
      made.delete(typeof server === 'string' ? server : makeKey(server.metadata.namespace, server.metadata.name));
    },
  };
}

interface Next {
  readonly step?: {
    readonly data: Readonly<Record<string, string | null>>;
    readonly annotations?: Readonly<Record<string, string | null>>;
  };
  readonly againMs?: number;
}

interface Wanted {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ownerReferences: NonNullable<KubeObject['metadata']['ownerReferences']>;
}

function metadataFor({ apiVersion, kind, metadata }: KubeObject): Wanted {
  const { name, namespace = 'default', uid = '' } = metadata;
  return {
    name: serverNames(name).bridge,
    namespace,
    labels: ownLabels('server', name),
    ownerReferences: [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }],
  };
}

/** Labels and owner, where a hand took them away; what others put there stays. */
function repaired({ metadata }: KubeObject, wanted: Wanted): Partial<Wanted> | undefined {
  const { labels = {}, ownerReferences = [] } = metadata;
  const labelled = Object.entries(wanted.labels).every(([name, value]) => labels[name] === value);
  const owned = ownerReferences.some((owner) => owner.uid === wanted.ownerReferences[0]?.uid);
  if (labelled && owned) return undefined;
  return {
    ...(labelled ? {} : { labels: wanted.labels }),
    ...(owned ? {} : { ownerReferences: [...ownerReferences, ...wanted.ownerReferences] }),
  };
}

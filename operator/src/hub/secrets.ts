/**
 * The three Secrets of a hub, in the order in which they are needed: the sealing key, the values its servers ask for, the document.
 *
 * The document is written before it is published: its number must be durable before anybody acknowledges it, or a leader that dies in between
 * would leave a number that the next one gives to something else. The write costs some milliseconds of the second a change may take. A replica
 * that restarts before its kubelet brought the new Secret begins with the old document and says so in its hello, so it never counts as
 * acknowledged until it has caught up on the stream.
 */
import {
  type ConditionDraft,
  draft,
  type HubConfig,
  type HubDocument,
  hubNames,
  maxDocumentBytes,
  type McpHubSpec,
  ownLabels,
  type RenderSettings,
} from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';

import { type KubeObject, splitKey } from '../kube/index.ts';
import { NameTakenError } from '../owned/index.ts';
import { resources } from '../world/index.ts';
import type { CredentialReader, Credentials } from './credentials.ts';
import { credentialReferences, documentContent, type HubDocumentContent } from './document.ts';
import { configContent, documentIn, generationOf, isOutrun, number, type Numbered, numberedBy } from './generation.ts';
import type { OwnedSecrets, SecretContent, SecretOwner, Seen } from './owned-secrets.ts';
import { rotateAnnotation, sealingStep, type SealingTimes } from './sealing.ts';

export interface SecretSteps {
  /** When the sealing key has to be looked at again. */
  ensureSealing(hub: KubeObject, signal: AbortSignal): Promise<number | undefined>;
  ensureCredentials(hub: KubeObject, config: HubConfig, signal: AbortSignal): Promise<CredentialsResult>;
  /** `running`: what replicas say they run. */
  ensureDocument(
    hub: KubeObject,
    config: HubConfig,
    running: readonly Numbered[],
    signal: AbortSignal,
  ): Promise<DocumentResult>;
  /** The hub of this uid is gone. */
  forget(uid: string, key: string): void;
}

export interface CredentialsResult {
  readonly credentials: Credentials;
  /** The Secret is behind, on purpose: when to write it. */
  readonly againMs: number | undefined;
}

export interface DocumentResult {
  /** What replicas should run. Absent when nothing that fits was ever there. */
  readonly document: HubDocument | undefined;
  readonly observed: readonly ConditionDraft[];
}

export interface SecretStepsDeps {
  readonly secrets: OwnedSecrets;
  readonly credentials: CredentialReader;
  readonly settings: RenderSettings;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Buffer;
  /** Certificates that replicas trust on the control stream, PEM. */
  readonly ca: () => string;
  readonly times: SealingTimes;
}

/** Between two writes of the credentials Secret of one hub. */
const valuesPauseMs = 1000;

/** A Secret that is on its way out: the caller comes back. */
export class NotYetError extends Error {
  constructor(name: string) {
    super(`Secret ${name} is being deleted`);
    this.name = 'NotYetError';
  }
}

type Exposure = McpHubSpec['exposure'];

/** What was made for one hub, so that what did not change is neither hashed nor compressed nor read again. */
interface Made {
  config?: HubConfig;
  exposure?: Exposure;
  content?: HubDocumentContent;
  document?: HubDocument | undefined;
  packed?: { readonly ca: string; readonly secret: SecretContent | undefined } | undefined;
  /** The last document that stands in the Secret. */
  lastGood?: HubDocument | undefined;
  /** When the credentials Secret was written last. */
  valuesAtMs?: number;
  sealing?: { readonly digest: string; readonly asked: string | undefined; readonly untilMs: number };
}

export function createSecretSteps(deps: SecretStepsDeps): SecretSteps {
  const { secrets, clock, settings } = deps;
  /** By uid of the hub; entries leave with it. */
  const made = new Map<string, Made>();

  const look = async (owner: SecretOwner, name: string, signal: AbortSignal): Promise<Seen> => {
    const seen = await secrets.look(owner, name, signal);
    if (seen.state === 'taken') throw new NameTakenError(resources.secrets, seen.object);
    if (seen.state === 'terminating') throw new NotYetError(name);
    return seen;
  };

  const madeFor = (hub: KubeObject): Made => {
    const uid = hub.metadata.uid ?? '';
    const known = made.get(uid) ?? {};
    made.set(uid, known);
    return known;
  };

  /** Both come from caches that keep an object as long as it does not change. */
  const contentFor = (own: Made, config: HubConfig, exposure: Exposure): HubDocumentContent => {
    if (own.content !== undefined && own.config === config && own.exposure === exposure) return own.content;
    const content = documentContent(config, exposure, settings);
    Object.assign(own, { config, exposure, content, document: undefined, packed: undefined });
    return content;
  };

  return {
    async ensureSealing(hub, signal) {
      const owner = ownerOf(hub);
      const own = madeFor(hub);
      const { sealing: name } = hubNames(hub.metadata.name);
      const asked = hub.metadata.annotations?.[rotateAnnotation];
      const seen = await look(owner, name, signal);
      const now = clock.now();
      const { sealing: last } = own;
      if (
        seen.state === 'present' &&
        last?.digest === seen.known.digest &&
        last.asked === asked &&
        now < last.untilMs
      ) {
        return last.untilMs === Number.POSITIVE_INFINITY ? undefined : last.untilMs - now;
      }
      const live =
        seen.state === 'present'
          ? { data: (await secrets.read(owner, name, signal)).data ?? {}, annotations: seen.known.annotations }
          : undefined;
      const newKey = (): Buffer => deps.randomBytes(32);
      const step = sealingStep({ live, asked, now, newKey, times: deps.times });
      const known =
        step.write !== undefined
          ? await secrets.write(owner, name, step.write, seen, signal)
          : seen.state === 'present'
            ? seen.known
            : undefined;
      const untilMs = step.againMs === undefined ? Number.POSITIVE_INFINITY : now + step.againMs;
      if (known !== undefined) own.sealing = { digest: known.digest, asked, untilMs };
      return step.againMs;
    },
    async ensureCredentials(hub, config, signal) {
      const owner = ownerOf(hub);
      const { credentials: name } = hubNames(hub.metadata.name);
      const seen = await look(owner, name, signal);
      const credentials = await deps.credentials.read(credentialReferences(config), signal);
      const own = madeFor(hub);
      const content = { data: credentials.values };
      // Replicas get values on the stream at once. Many new servers are few writes of the Secret, which is for replicas that start.
      const restMs = (own.valuesAtMs ?? Number.NEGATIVE_INFINITY) + valuesPauseMs - clock.now();
      if (seen.state === 'present' && restMs > 0 && secrets.differs(owner, content, seen.known))
        return { credentials, againMs: restMs };
      const before = seen.state === 'present' ? seen.known.resourceVersion : undefined;
      const { resourceVersion } = await secrets.write(owner, name, content, seen, signal);
      if (resourceVersion !== before) own.valuesAtMs = clock.now();
      return { credentials, againMs: undefined };
    },
    async ensureDocument(hub, config, running, signal) {
      const owner = ownerOf(hub);
      const own = madeFor(hub);
      const { config: name } = hubNames(hub.metadata.name);
      const seen = await look(owner, name, signal);
      const last = seen.state === 'present' ? numberedBy(seen.known.annotations) : undefined;
      const content = contentFor(own, config, (hub.spec as { readonly exposure?: Exposure }).exposure);
      let { document } = own;
      if (
        document === undefined ||
        (last !== undefined && last.generation !== document.generation) ||
        isOutrun(document, running)
      ) {
        const { observedConfig } = (hub.status ?? {}) as { readonly observedConfig?: unknown };
        const others = [own.lastGood?.generation ?? 0, generationOf(observedConfig)];
        document = number(content, {
          last,
          running,
          others: others.filter((each) => each > (last?.generation ?? 0)),
        });
        Object.assign(own, { document, packed: undefined });
      }
      const ca = deps.ca();
      if (own.packed?.ca !== ca) own.packed = { ca, secret: configContent(document, ca) };
      const { packed } = own;
      if (packed.secret === undefined) {
        if (own.lastGood === undefined && seen.state === 'present')
          own.lastGood = documentIn((await secrets.read(owner, name, signal)).data);
        return { document: own.lastGood, observed: tooLarge(config) };
      }
      await secrets.write(owner, name, packed.secret, seen, signal);
      own.lastGood = document;
      return { document, observed: [] };
    },
    forget(uid, key) {
      made.delete(uid);
      const { namespace, name } = splitKey(key);
      for (const each of Object.values(hubNames(name))) secrets.forget(namespace, each);
    },
  };
}

function ownerOf(hub: KubeObject): SecretOwner {
  return { object: hub, labels: ownLabels('hub', hub.metadata.name) };
}

/** Nobody but a human can help; what serves goes on serving. */
function tooLarge(config: HubConfig): readonly ConditionDraft[] {
  const detail = { servers: config.servers.length, limit: `${maxDocumentBytes / 1024} KiB` };
  return [
    draft('Accepted', 'ConfigTooLarge', detail),
    draft('Stalled', 'ConfigTooLarge', detail),
    draft('Reconciling', 'Settled'),
  ];
}

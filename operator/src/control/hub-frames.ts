/**
 * What is published for one hub, as frames; and which values a replica gets while documents change.
 *
 * Order: credentials before the document that needs them, then endpoints, then peers. The other way round would be as wrong when a document
 * stops to need a value: until a replica has taken the new document over, the old one serves calls with the old values. So such a replica
 * gets both (`transition`), and the exact set after its acknowledgement.
 */
import { createHash } from 'node:crypto';

import type { HubPublication } from './control-types.ts';
import { createFrame, type Frame } from './frame.ts';

export interface HubFrames {
  readonly document: { readonly hash: string; readonly generation: number };
  /** Monotonic, when this document was published first. */
  readonly publishedAt: number;
  readonly config: Frame;
  readonly credentials: Frame;
  /** Present while values go away that replicas without the document may still use. */
  readonly transition?: Frame;
  readonly endpoints: Frame;
  readonly peers: Frame;
  /** All values of `transition`, or else of `credentials`. */
  readonly values: Readonly<Record<string, string>>;
  readonly exactValues: Readonly<Record<string, string>>;
}

/** Past so many values a replica that never acknowledges gets the exact set only. */
export const maxTransitionValues = 4_096;

export interface Moment {
  readonly now: number;
  /** All replicas have acknowledged the previous document: nobody needs values of earlier ones. */
  readonly settled: boolean;
}

export function nextFrames(previous: HubFrames | undefined, state: HubPublication, moment: Moment): HubFrames {
  const { hash, generation } = state.document;
  const key = documentKey(state.document);
  const sameDocument = previous?.config.key === key;
  const sameCredentials = previous?.credentials.key === state.credentials.hash;
  return {
    document: { hash, generation },
    publishedAt: sameDocument ? previous.publishedAt : moment.now,
    config: sameDocument
      ? previous.config
      : createFrame('config', key, () => `"document":${JSON.stringify(state.document)}`),
    ...(sameCredentials && sameDocument ? credentialsOf(previous) : newCredentials(previous, state, moment)),
    endpoints: sameOr(previous?.endpoints, listFrame('endpoints', 'servers', state.endpoints)),
    peers: sameOr(previous?.peers, listFrame('peers', 'peers', state.peers)),
  };
}

/** The number belongs to the key: a replica that runs the same content under an older number shall say the new one. */
export function documentKey(document: { readonly hash: string; readonly generation: number }): string {
  return `${document.hash}:${document.generation}`;
}

type Credentials = Pick<HubFrames, 'credentials' | 'transition' | 'values' | 'exactValues'>;

function credentialsOf({ credentials, transition, values, exactValues }: HubFrames): Credentials {
  return { credentials, values, exactValues, ...(transition === undefined ? {} : { transition }) };
}

function newCredentials(previous: HubFrames | undefined, state: HubPublication, { settled }: Moment): Credentials {
  const { hash, values } = state.credentials;
  const credentials = previous?.credentials.key === hash ? previous.credentials : credentialsFrame(hash, values);
  const before = previous === undefined ? {} : settled ? previous.exactValues : previous.values;
  const isMissing = Object.keys(before).some((key) => !Object.hasOwn(values, key));
  if (!isMissing) return { credentials, values, exactValues: values };
  const all = { ...before, ...values };
  if (Object.keys(all).length > maxTransitionValues) return { credentials, values, exactValues: values };
  const beforeKey = (settled ? undefined : previous?.transition?.key) ?? previous?.credentials.key ?? '';
  const transition = credentialsFrame(digest(JSON.stringify([beforeKey, hash])), all);
  return { credentials, transition, values: all, exactValues: values };
}

function credentialsFrame(hash: string, values: Readonly<Record<string, string>>): Frame {
  return createFrame('credentials', hash, () => `"hash":${JSON.stringify(hash)},"values":${JSON.stringify(values)}`);
}

function listFrame(type: 'endpoints' | 'peers', member: string, value: unknown): Frame {
  return createFrame(type, digest(JSON.stringify(value)), () => `"${member}":${JSON.stringify(value)}`);
}

function sameOr(previous: Frame | undefined, next: Frame): Frame {
  return previous?.key === next.key ? previous : next;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

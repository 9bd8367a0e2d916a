/**
 * What replicas tell each other beside forwarded requests. JSON, read by hand and within bounds: a neighbour of another release may say
 * more than this one knows, and what it does not know is ignored.
 */
import { readStreamCopies, type SessionMirror, type StreamCopy } from '../session/index.ts';

export const peerPaths = {
  forward: '/v1/forward',
  notes: '/v1/notes',
  claim: '/v1/claim',
  cancel: '/v1/cancel',
  streams: '/v1/streams',
  who: '/v1/who',
} as const;

/** Largest message that is not a forwarded request. */
export const mostNoteBytes = 1024 * 1024;
export const mostNotes = 1000;
const mostLifeChars = 64;
/** Of one session: what is larger is not worth its memory at another replica. */
export const mostMirrorChars = 16 * 1024;

export interface Mirrored extends SessionMirror {
  /** Wall clock milliseconds of the id's end. */
  readonly untilMs: number;
}

export interface Notes {
  /** The sender is about to end: sessions go elsewhere. */
  readonly leaving: boolean;
  /** Another one than before: the sender was started again and has forgotten what it was told. */
  readonly life?: string | undefined;
  /** Sessions that are over, and until when somebody may still ask for them. */
  readonly ended: readonly Ended[];
  /** Sessions that the sender goes on with from now on. */
  readonly taken: readonly Ended[];
  /** What the receiver needs to go on with sessions of the sender. */
  readonly mirrors: readonly Mirrored[];
}

export interface Ended {
  readonly id: string;
  readonly untilMs: number;
}

/** "I am asked for this session and do not have it." */
export interface Claim {
  readonly id: string;
  readonly hub: string;
}

export type ClaimReply =
  | { readonly state: 'ended' | 'held' | 'adopting' | 'none' }
  /** `released`: it was here until now. */
  | { readonly state: 'released' | 'mirror'; readonly mirror: SessionMirror };

export interface CancelCall {
  readonly id: string;
  readonly hub: string;
  readonly call: string;
}

/** "Clients of this session may come back for these; it is yours now." */
export interface StreamsOfSession {
  readonly id: string;
  readonly hub: string;
  readonly streams: readonly StreamCopy[];
}

type Json = Readonly<Record<string, unknown>>;

const idShape = /^[0-9a-f]{32}$/;

export function readNotes(value: unknown): Notes {
  const json = objectOf(value);
  return {
    leaving: json['leaving'] === true,
    life: typeof json['life'] === 'string' ? json['life'].slice(0, mostLifeChars) : undefined,
    ended: listOf(json['ended'], readEnded),
    taken: listOf(json['taken'], readEnded),
    mirrors: listOf(json['mirrors'], (one) => {
      const mirror = readMirror(one);
      const ended = readEnded(one);
      return mirror === undefined || ended === undefined ? undefined : { ...mirror, untilMs: ended.untilMs };
    }),
  };
}

export function readClaim(value: unknown): Claim | undefined {
  const { id, hub } = objectOf(value);
  return isId(id) && typeof hub === 'string' ? { id, hub } : undefined;
}

export function readCancel(value: unknown): CancelCall | undefined {
  const claim = readClaim(value);
  const { call } = objectOf(value);
  return claim === undefined || typeof call !== 'string' ? undefined : { ...claim, call };
}

export function readStreams(value: unknown): StreamsOfSession | undefined {
  const claim = readClaim(value);
  const streams = readStreamCopies(objectOf(value)['streams']);
  return claim === undefined || streams.length === 0 ? undefined : { ...claim, streams };
}

export function readClaimReply(value: unknown): ClaimReply {
  const { state, mirror } = objectOf(value);
  if (state === 'ended' || state === 'held' || state === 'adopting') return { state };
  const read = readMirror(mirror);
  if (read === undefined || (state !== 'released' && state !== 'mirror')) return { state: 'none' };
  const streams = readStreamCopies(objectOf(mirror)['streams']);
  return { state, mirror: streams.length === 0 ? read : { ...read, streams } };
}

function readEnded(value: unknown): Ended | undefined {
  const { id, untilMs } = objectOf(value);
  return isId(id) && typeof untilMs === 'number' ? { id, untilMs } : undefined;
}

function readMirror(value: unknown): SessionMirror | undefined {
  const { id, capabilities, clientInfo, logLevel, subscriptions } = objectOf(value);
  if (!isId(id) || typeof capabilities !== 'string') return undefined;
  const uris = Array.isArray(subscriptions) ? subscriptions.filter((uri) => typeof uri === 'string') : [];
  const mirror: SessionMirror = {
    id,
    capabilities,
    clientInfo: typeof clientInfo === 'string' ? clientInfo : undefined,
    logLevel: typeof logLevel === 'string' && logLevel.length < 20 ? logLevel : undefined,
    ...(uris.length === 0 ? {} : { subscriptions: uris }),
  };
  return mirrorSize(mirror) > mostMirrorChars ? undefined : mirror;
}

/** Characters, without its streams. */
export function mirrorSize({ capabilities, clientInfo, subscriptions = [] }: SessionMirror): number {
  return subscriptions.reduce((sum, uri) => sum + uri.length + 4, capabilities.length + (clientInfo?.length ?? 0));
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && idShape.test(value);
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function listOf<T>(value: unknown, read: (one: unknown) => T | undefined): readonly T[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, mostNotes).flatMap((one) => {
    const made = read(one);
    return made === undefined ? [] : [made];
  });
}

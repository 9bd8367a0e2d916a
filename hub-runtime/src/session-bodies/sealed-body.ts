/**
 * The body of a session as a store has it: JSON under the hub's key (AES-256-GCM), bound to its hub and its id, so that a store sees nothing
 * of it, and can neither change one nor give the body of one session for that of another.
 */
import { readStreamCopies, type LegacySession, type Sealer, type SessionMirror } from '../session/index.ts';

/** Sealed, characters: what a session may keep, escaped and encoded. */
export const mostBodyChars = 1024 * 1024;

/**
 * The last events before a replica was killed may not have been written. Numbers of new ones begin beyond all it can have given out, so that no
 * number stands for two events.
 */
const numbersApart = 1_000_000;

export interface BodyCodec {
  /** Undefined: it is too large to be kept. */
  seal(session: LegacySession, ttlMs: number): string | undefined;
  /** That it is over. */
  sealEnd(id: string, ttlMs: number): string;
  /** Undefined: none of ours, or not of this session. */
  open(id: string, sealed: string): SessionMirror | 'ended' | undefined;
}

type Json = Readonly<Record<string, unknown>>;

export function createBodyCodec(hub: string, sealer: Sealer): BodyCodec {
  const purpose = `session-body ${hub}`;
  return {
    seal(session, ttlMs) {
      const { capabilities, clientInfo } = session.caller;
      const body = {
        id: session.id,
        capabilities,
        clientInfo,
        logLevel: session.logLevel,
        subscriptions: [...session.subscriptions.uris],
        streams: session.copyStreams(true),
      };
      const sealed = sealer.seal(purpose, body, ttlMs);
      return sealed.length > mostBodyChars ? undefined : sealed;
    },
    sealEnd: (id, ttlMs) => sealer.seal(purpose, { id, ended: true }, ttlMs),
    open(id, sealed) {
      const body = sealer.open(purpose, sealed, mostBodyChars) as Json | undefined;
      if (body?.['id'] !== id) return undefined;
      if (body['ended'] === true) return 'ended';
      const { capabilities, clientInfo, logLevel, subscriptions } = body;
      if (typeof capabilities !== 'string') return undefined;
      return {
        id,
        capabilities,
        clientInfo: textOf(clientInfo),
        logLevel: textOf(logLevel),
        subscriptions: Array.isArray(subscriptions) ? subscriptions.filter((uri) => typeof uri === 'string') : [],
        streams: readStreamCopies(body['streams']).map((one) => ({ ...one, last: one.last + numbersApart })),
      };
    },
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

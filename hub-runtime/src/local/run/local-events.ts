/** What a run tells while it lives. Views print it; nothing decides on it. */
import type { UpstreamPhase } from '../../exchange/index.ts';
import type { Problem } from '../problems/index.ts';

export type LocalEvent =
  /** The endpoint answers; servers may still be on their way. */
  | { readonly kind: 'listening'; readonly url: string; readonly health: string | undefined }
  /** A server's state changed; while one starts, `message` says what it waits for (an installation). */
  | {
      readonly kind: 'server';
      readonly key: string;
      readonly phase: UpstreamPhase;
      readonly reason: string;
      readonly message: string;
      readonly tools: number | undefined;
      readonly pid: number | undefined;
    }
  /** Files were read again. */
  | {
      readonly kind: 'config';
      readonly applied: boolean;
      readonly generation: number;
      readonly problems: readonly Problem[];
    }
  /** The first settling is over: each server is ready or named here with the reason why not. */
  | {
      readonly kind: 'ready';
      readonly url: string;
      readonly tools: number;
      readonly waiting: readonly NotReady[];
      /** Hubs that serve, but not everything their servers list (collisions, malformed tools). */
      readonly partly: readonly ServesPartly[];
    }
  | { readonly kind: 'stopping'; readonly reason: string };

export interface ServesPartly {
  readonly key: string;
  readonly reason: string;
  readonly message: string;
}

export interface NotReady {
  readonly key: string;
  readonly phase: UpstreamPhase;
  readonly reason: string;
  readonly message: string;
}

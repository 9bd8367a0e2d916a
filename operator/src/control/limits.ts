/** Bounds of the control stream. Whoever dials is in the cluster, but not necessarily a friend. */
import { maxHubFrameBytes } from '@quaymaster/crds';

export interface ControlLimits {
  /** Streams in total, those on their way out included. */
  readonly connections: number;
  /** Streams of one hub: 100 replicas, and a surge of as many while they roll. */
  readonly connectionsPerHub: number;
  /** Connections whose token was not accepted yet. */
  readonly unproven: number;
  /** A message of a hub. */
  readonly messageBytes: number;
  /** What one replica may say between two sweeps; beyond it is not read until the next. */
  readonly messagesPerSweep: number;
  readonly bytesPerSweep: number;
  /** From the accepted token to `hello`. */
  readonly helloMs: number;
  /** For TLS and for the request that becomes a stream. */
  readonly handshakeMs: number;
  readonly pingMs: number;
  /** Without any sign of life (a message, a pong) a stream is dead. */
  readonly silenceMs: number;
  /** For a reader to take one message. */
  readonly messageMs: number;
  /** For the closing handshake. */
  readonly closeMs: number;
  /** How often certificate, office and permissions are looked at. */
  readonly sweepMs: number;
  /** TokenReviews at once; others wait. */
  readonly reviewsAtOnce: number;
  readonly reviewMs: number;
  /** How long an accepted token is believed without asking again; never beyond its own end. */
  readonly acceptedMs: number;
  readonly refusedMs: number;
  readonly verdicts: number;
}

export const defaultControlLimits: ControlLimits = {
  connections: 1_024,
  connectionsPerHub: 200,
  unproven: 256,
  messageBytes: maxHubFrameBytes,
  messagesPerSweep: 250,
  bytesPerSweep: 4 * maxHubFrameBytes,
  helloMs: 10_000,
  handshakeMs: 10_000,
  pingMs: 10_000,
  silenceMs: 25_000,
  messageMs: 60_000,
  closeMs: 5_000,
  sweepMs: 2_500,
  reviewsAtOnce: 32,
  reviewMs: 10_000,
  acceptedMs: 60_000,
  refusedMs: 10_000,
  verdicts: 4_096,
};

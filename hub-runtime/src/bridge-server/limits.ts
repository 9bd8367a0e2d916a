/** Bounds of a bridge. Callers hold its token, so these are against accidents: each is tested at the limit. */
export const bridgeLimits = {
  /** One request: the largest that a hub lets in (64 MiB), and what a hop adds to it. */
  bodyBytes: 65 * 1024 * 1024,
  /** All requests that are being received, bytes. */
  bodiesBytes: 192 * 1024 * 1024,
  /** Requests without an answer. */
  inFlight: 4_096,
  connections: 4_096,
  headerBytes: 16 * 1024,
  sessions: 2_048,
  /** A session without requests and streams ends after this, milliseconds. */
  sessionIdleMs: 30 * 60_000,
  /** Long-lived event streams: GET of sessions, and `subscriptions/listen`. */
  streams: 4_096,
  streamsPerSession: 4,
  /** Resources one session may be subscribed to. */
  subscriptionsPerSession: 1_000,
  /** What may wait for a reader of an event stream before it is cut, bytes. */
  streamBufferBytes: 4 * 1024 * 1024,
  /** A silent stream shows a sign of life this often, milliseconds. */
  keepAliveMs: 20_000,
  sweepMs: 5_000,
  /** One call, however much progress it reports; the hub in front has the deadline that counts. Milliseconds. */
  callMs: 24 * 60 * 60_000,
  /** Longest wait of a call that has to be alone at a shared child that asks, milliseconds. */
  aloneMs: 60_000,
  /** A caller's key, characters. */
  callerKeyChars: 256,
} as const;

/** Of the shape that manifests give by default. A child that hangs can only be replaced here. */
export const childHealth = { intervalMs: 30_000, timeoutMs: 5_000, failureThreshold: 3 } as const;

export type BridgeLimits = { readonly [Name in keyof typeof bridgeLimits]: number };

/** Bounds of the HTTP client; each is tested at the limit and one past it. */
export const clientLimits = {
  /** Status line and header fields of an answer, bytes; the same for trailers. */
  headBytes: 16 * 1024,
  /** The line that says how long a chunk is, bytes. */
  chunkLineBytes: 1_024,
  /** Interim answers (1xx) before the one that counts. */
  interim: 8,
  /** Idle connections are closed this much earlier than the server says it would, milliseconds: a request must not meet the end of one. */
  keepAliveMarginMs: 2_000,
  /** However long the server would keep it, milliseconds. */
  keepAliveMostMs: 600_000,
  /** How often idle connections are looked at, milliseconds. */
  sweepMs: 1_000,
  /** One read of a socket, bytes. */
  readBytes: 64 * 1024,
} as const;

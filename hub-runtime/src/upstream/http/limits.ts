/**
 * Bounds toward servers. A server is not trusted to be small, quick or well-behaved (security notes 17): each of these is
 * tested at the limit and one past it.
 */
export const httpLimits = {
  /** One JSON body, or one event that may carry an answer, bytes; the default of `limits.response`, and the most that is held whole. */
  responseBytes: 8 * 1024 * 1024,
  /** A result larger than this goes on while it arrives, where its client can take it so, bytes. */
  passFromBytes: 1024 * 1024,
  /** Of one replica, how many at once: each keeps its connection as long as its reader takes, and must leave some for the others. */
  passingAtOnce: 64,
  /** One event of a stream that only carries notifications, bytes. */
  eventBytes: 1024 * 1024,
  /** Connections to one origin for calls. Calls beyond wait for a free one until their deadline. */
  connectionsPerOrigin: 128,
  /**
   * Connections to one origin for long-lived event streams: apart from calls, so that streams never starve them. Over HTTP+SSE every
   * conversation needs one: `instances.max` is 1,000 unless a manifest says otherwise.
   */
  streamsPerOrigin: 1_024,
  /** Calls of one conversation without an answer. */
  inFlight: 4_096,
  /** Replicas of one server that are used; beyond them none is. */
  places: 256,
  /** Times a call that was surely not executed is sent elsewhere before it is handed back. */
  reroutes: 3,
  /** A replica that could not be reached gets nothing new for this long while there are others; twice as long each time, milliseconds. */
  avoidMs: { first: 1_000, longest: 10_000 },
  /** Answers to a server's own requests that are on their way at once; more of them go unanswered. */
  repliesAtOnce: 32,
  /** A session id longer than this is refused, characters. */
  sessionIdLength: 1_024,
  /** How long `server/discover` may stay unanswered before the older handshake is tried, milliseconds. */
  probeMs: 2_000,
  /** An answered or cancelled event stream that stays open is cut after this, milliseconds. */
  lingerMs: 2_000,
  /** Age at which a legacy verdict is checked again, milliseconds: servers get upgraded. */
  legacyVerdictMs: 15 * 60_000,
  /** An idle connection is kept this long unless the server says otherwise, milliseconds. */
  keepAliveMs: 10_000,
  /** How often in a row the broken stream of a call is taken up without anything new on it. */
  resumes: 3,
  /** Before that, unless the server says otherwise, and what it may ask for, milliseconds. */
  resumeMs: { usual: 500, shortest: 50, longest: 30_000 },
  /** An event id longer than this is not kept, characters. */
  eventIdLength: 1_024,
  /** Notifications and session ends get this long, milliseconds. */
  courtesyMs: 1_500,
  /** Subscribing to a resource, milliseconds. */
  watchMs: 10_000,
  /** Answers of clients to questions of a server get this long, milliseconds. */
  replyMs: 30_000,
} as const;

/** How long the first list waits for the event stream to stand, milliseconds. */
export const listenMs = 300;

/** Results of servers may be larger than what clients may send; both are bounded before anything is built. */
export const upstreamScanLimits = { depth: 128, nodes: 1_000_000 } as const;

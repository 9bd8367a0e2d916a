/** `spec.limits` and `spec.timeouts` of a hub: every bound the hub keeps, as a field. */
import { bytes, duration, integer, object } from '../schema/index.ts';

export const limitsField = object('What the hub takes on before it refuses. Every refusal names the limit.', {
  payload: bytes('Largest request body.', { leastKi: 1, mostMi: 64 }).default('4Mi'),
  depth: integer('Nesting depth of a JSON message.', { min: 8, max: 512 }).default(64),
  nodes: integer('JSON values in one message, counted before it is parsed.', { min: 100, max: 10_000_000 }).default(
    100_000,
  ),
  batch: integer('Messages in one batch (revision 2025-03-26 only).', { min: 1, max: 1_000 }).default(20),
  arguments: bytes('Largest arguments of one tool call.', {
    leastKi: 1,
    mostMi: 64,
    defaultNote: 'as large as `payload` lets them be',
  }).exactOptional(),
  headers: integer('Headers of one request; all together they have 16Ki at most.', { min: 16, max: 1_000 }).default(
    100,
  ),
  connections: integer('Connections at once, beside those that carry an open event stream.', {
    min: 1,
    max: 100_000,
  }).default(2_000),
  inFlight: integer('Calls in flight on the whole hub. Further ones wait, see `queue`.', {
    min: 1,
    max: 100_000,
  }).default(1_000),
  inFlightPerClient: integer(
    'Calls in flight of one client: of a legacy session, a principal, or, where neither is known, a connection. Its further calls wait, see `queue`.',
    { min: 1, max: 100_000 },
  ).default(250),
  queue: integer(
    'Calls of all clients that wait for their turn. Clients take turns; when the queue is full, who waits with most calls is refused first.',
    { min: 0, max: 100_000 },
  ).default(1_000),
  queueBytes: bytes('What the calls that wait for their turn hold together.', { leastKi: 64, mostMi: 4_096 }).default(
    '64Mi',
  ),
  sessions: integer(
    'Legacy sessions held at once; a new one is refused while none of them has been idle for too long.',
    {
      min: 1,
      max: 1_000_000,
    },
  ).default(2_000),
  streams: integer('Open event streams at once.', { min: 1, max: 1_000_000 }).default(2_000),
  streamBuffer: bytes('Data waiting for one slow reader before its stream is cut.', {
    leastKi: 16,
    mostMi: 64,
  }).default('1Mi'),
  readRate: bytes('A client that takes less of an answer per second, for `timeouts.slowReader`, is cut.', {
    leastKi: 1,
    mostMi: 64,
  }).default('16Ki'),
  unread: bytes('All finished answers that clients have not taken yet; beyond it those that wait longest are cut.', {
    leastKi: 64,
    mostMi: 4_096,
  }).default('256Mi'),
  pageSize: integer('Entries on one page of a list.', { min: 1, max: 10_000 }).default(1_000),
  parkedCalls: integer('Calls of older servers that wait for a client to come back with answers to their questions.', {
    min: 1,
    max: 100_000,
  }).default(1_000),
  samplingTokens: integer(
    'Tokens that the server of one call may ask the client’s model for, in all its sampling requests together (`maxTokens`).',
    { min: 1, max: 1_000_000_000 },
  ).default(1_000_000),
});

export const timeoutsField = object(
  'How long the hub waits.',
  {
    call: duration('One call without any progress; servers may set their own.', {
      least: '100ms',
      most: '24h',
    }).default('60s'),
    callMax: duration('One call however much progress it reports; servers may set their own.', {
      least: '100ms',
      most: '24h',
    }).default('600s'),
    sessionIdle: duration('A legacy session without traffic or open stream ends after this.', {
      least: '1s',
      most: '24h',
    }).default('30m'),
    keepAlive: duration('Time between comment lines on silent event streams, so that proxies keep them open.', {
      least: '1s',
      most: '10m',
    }).default('15s'),
    queue: duration('A call waits this long at most for its turn, see `limits.queue`.', {
      least: '100ms',
      most: '10m',
    }).default('10s'),
    slowReader: duration('A client may take less than `limits.readRate` for this long; then its answer is cut.', {
      least: '100ms',
      most: '1h',
    }).default('30s'),
    headers: duration('From the first byte of a request, or the connection, to the end of its headers.', {
      least: '100ms',
      most: '5m',
    }).default('10s'),
    body: duration('From the first byte of a request to the last of its body.', {
      least: '100ms',
      most: '1h',
    }).default('30s'),
    question: duration('A client has this long to answer a question of a server; then the call ends.', {
      least: '1s',
      most: '24h',
    }).default('10m'),
  },
  {
    rules: [
      {
        rule: '!has(self.call) || !has(self.callMax) || duration(self.call) <= duration(self.callMax)',
        message: 'call is not longer than callMax; raise callMax or lower call',
      },
    ],
  },
);

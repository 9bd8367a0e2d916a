/** What the hub does when calls of a server fail, are slow, or are too many (HT-1.09, HT-1.11, EF-84). */
import { choice, duration, flag, integer, object } from '../schema/index.ts';

const percent = (what: string, fallback: number) => integer(what, { min: 1, max: 100 }).default(fallback);

const retry = object(
  'Sending a call again. Only calls that may be repeated are: resources/read, prompts/get, completion/complete, and tools that say ' +
    'readOnlyHint or idempotentHint (themselves, or by tools.annotate). Never after anything of the call has reached its client.',
  {
    attempts: integer('Times one call is sent at most, the first included. 1: never again.', {
      min: 1,
      max: 10,
    }).default(3),
    backoff: choice(
      'How the pauses between attempts grow: exponential (twice as long each time), linear (by delay each time), or fixed. ' +
        'Each is drawn at random from nothing up to that length.',
      ['exponential', 'linear', 'fixed'],
    ).default('exponential'),
    delay: duration('Longest first pause.', { least: '1ms', most: '1m' }).default('100ms'),
    maxDelay: duration('Longest pause of all.', { least: '1ms', most: '5m' }).default('2s'),
    perTry: duration('An attempt that takes longer is given up. The time of the whole call is still timeouts.call.', {
      least: '100ms',
      most: '24h',
      defaultNote: 'the time of the whole call',
    }).exactOptional(),
  },
  {
    rules: [
      {
        rule: '!has(self.delay) || !has(self.maxDelay) || duration(self.delay) <= duration(self.maxDelay)',
        message: 'delay is not longer than maxDelay; raise maxDelay or lower delay',
      },
    ],
  },
);

const circuitBreaker = object(
  'Calls are refused for a while, without asking the server, once most of them have failed lately; a few then try whether it is well again. ' +
    'There is one breaker for the server and one for each tool.',
  {
    enabled: flag('Off: failing servers are asked for ever.').default(true),
    window: duration('Only calls this recent count.', { least: '1s', most: '1h' }).default('30s'),
    minCalls: integer('Calls within the window below which nothing is decided.', { min: 1, max: 100_000 }).default(20),
    failureThreshold: percent(
      'Share of calls, in percent, that must have failed. What weighs how much stands in the error reference: high whole, medium half, critical double, low nothing.',
      50,
    ),
    slowCall: duration('A call that takes longer counts as slow.', {
      least: '10ms',
      most: '24h',
      defaultNote: 'no call counts as slow',
    }).exactOptional(),
    slowThreshold: percent('Share of calls, in percent, that must have been slow.', 90),
    openFor: duration('How long calls are refused; twice as long each time it is found still failing.', {
      least: '100ms',
      most: '1h',
    }).default('2s'),
    maxOpenFor: duration('Longest time calls are refused at a stretch.', { least: '100ms', most: '24h' }).default(
      '20s',
    ),
    probes: integer('Calls that try afterwards, and must all go well.', { min: 1, max: 100 }).default(3),
  },
  {
    rules: [
      {
        rule: '!has(self.openFor) || !has(self.maxOpenFor) || duration(self.openFor) <= duration(self.maxOpenFor)',
        message: 'openFor is not longer than maxOpenFor; raise maxOpenFor or lower openFor',
      },
    ],
  },
);

const bulkhead = object('How many calls this server gets at once, so that one slow server does not fill the hub.', {
  maxConcurrent: integer('Calls at once.', {
    min: 1,
    max: 100_000,
    defaultNote: "the hub's `limits.inFlight`",
  }).exactOptional(),
  perTool: integer('Calls of any one tool at once.', {
    min: 1,
    max: 100_000,
    defaultNote: 'maxConcurrent',
  }).exactOptional(),
  queue: integer('Calls that may wait until there is room; more are refused.', { min: 0, max: 100_000 }).default(100),
  queueTimeout: duration('How long one may wait.', { least: '10ms', most: '1h' }).default('10s'),
});

export const resilienceField = object('What the hub does when calls fail, are slow, or are too many.', {
  retry: retry.exactOptional(),
  circuitBreaker: circuitBreaker.exactOptional(),
  bulkhead: bulkhead.exactOptional(),
});

/** How a server is watched, started, shared and waited for, and what the hub changes about its tools. */
import { bytes, choice, duration, flag, integer, list, map, object, text, toolName } from '../schema/index.ts';

const glob = (what: string) =>
  list(what, toolName('Name or pattern: `*` any characters, `?` one.', { example: 'read_*' }), { max: 256 });
const keysFit = { rule: 'self.all(k, size(k) > 0 && size(k) <= 128)', message: 'tool names have 1 to 128 characters' };

export const toolsField = object(
  'Which tools the hub offers, and under which names. Names here are those the server gives, without prefix.',
  {
    include: glob('Only tools that match one of these. Empty: all.').default([]),
    exclude: glob('Tools left out; wins over include.').default([]),
    rename: map('Original name to new name (the naming of the hub still applies to it).', toolName('New name.', {}), {
      max: 128,
      example: { read_file: 'read' },
      rules: [
        keysFit,
        {
          rule: 'self.all(k, self.exists_one(j, self[j] == self[k]))',
          message: 'two tools get the same new name; give each its own',
        },
      ],
    }).default({}),
    describe: map(
      'Original name to the description clients see instead.',
      text('Description.', { min: 1, max: 4_096 }),
      { max: 128, rules: [keysFit] },
    ).default({}),
    annotate: map(
      'Original name to annotations that replace those of the server, where it says nothing or something wrong. A tool with readOnlyHint or idempotentHint may be sent again after a failure.',
      object('Annotations. What is left out stays as the server has it.', {
        title: text('Name for people.', { min: 1, max: 256 }).exactOptional(),
        readOnlyHint: flag('It changes nothing.').exactOptional(),
        destructiveHint: flag('It may destroy something.').exactOptional(),
        idempotentHint: flag('Calling it again with the same arguments changes nothing more.').exactOptional(),
        openWorldHint: flag('It deals with the world outside.').exactOptional(),
      }),
      { max: 128, example: { search: { readOnlyHint: true } }, rules: [keysFit] },
    ).exactOptional(),
    validate: choice(
      'Whether the hub checks arguments and structured results against the schemas that the server gives with its tools. none: it does not; the server checks its arguments itself. warn: the call goes on, and what does not fit is logged and counted. enforce: arguments that do not fit never reach the server, a result that does not fit becomes a tool error.',
      ['none', 'warn', 'enforce'],
    ).default('none'),
  },
);

export const healthField = object('How the hub finds out that a server has stopped answering.', {
  interval: duration('Time between checks of an idle server.', { least: '1s', most: '1h' }).default('30s'),
  timeout: duration('A check that takes longer has failed.', { least: '100ms', most: '5m' }).default('5s'),
  failureThreshold: integer('Failed checks in a row until the server counts as Degraded.', {
    min: 1,
    max: 100,
  }).default(3),
});

export const lifecycleField = object('When the server starts and how it ends.', {
  start: choice(
    'eager: with the hub. lazy: with the first request that needs it; until then its tools come from the last known list, so the very first start is eager. onDemand: like lazy, and stopped again when nobody has called it for idleTimeout; its tools stay listed.',
    ['eager', 'lazy', 'onDemand'],
  ).default('eager'),
  idleTimeout: duration('start: onDemand: without calls for this long it is stopped.', {
    least: '1s',
    most: '24h',
  }).default('10m'),
  drainTimeout: duration('How long calls in flight may finish before the server is stopped or replaced.', {
    least: '0s',
    most: '1h',
  }).default('30s'),
  required: flag(
    'The hub is not ready before this server is. Leave it off unless clients are useless without it: one dead server then stops the endpoint.',
  ).default(false),
});

export const instancesField = object('Which clients share one running server.', {
  mode: choice(
    'shared: one for all clients. perClient: one per session of a client, or per principal for callers without a session. perPrincipal: one per principal, whatever its sessions.',
    ['shared', 'perClient', 'perPrincipal'],
    { defaultNote: 'shared for stdio servers, perClient for HTTP servers' },
  ).exactOptional(),
  max: integer('Most instances at once. Beyond it clients share, or are told to come back later.', {
    min: 1,
    max: 10_000,
    defaultNote: '4 for stdio servers, 1000 for HTTP servers',
  }).exactOptional(),
});

export const timeoutsField = object(
  'How long the hub waits for this server.',
  {
    start: duration('From launch to the first answer (installing a package not included).', {
      least: '100ms',
      most: '10m',
    }).default('60s'),
    connect: duration('Until a connection stands (HTTP servers).', { least: '100ms', most: '5m' }).default('10s'),
    call: duration('One call without any progress.', {
      least: '100ms',
      most: '24h',
      defaultNote: "the hub's `timeouts.call`",
    }).exactOptional(),
    callMax: duration('One call however much progress it reports.', {
      least: '100ms',
      most: '24h',
      defaultNote: "the hub's `timeouts.callMax`",
    }).exactOptional(),
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

export const limitsField = object(
  'What the hub takes from this server, and what its processes may take of the machine.',
  {
    response: bytes(
      'Largest answer. Of an HTTP server an answer over 1Mi is passed on while it arrives; of a stdio server it is held whole, 64Mi at most.',
      { leastKi: 64, mostMi: 4_096 },
    ).default('8Mi'),
    memory: bytes(
      'Memory of all processes of one instance of a server that the hub starts itself; one that uses more is ended and started anew (Linux). In a Pod the resources of `template` bound the whole Pod as well.',
      { leastKi: 16_384, mostMi: 1_048_576 },
    ).exactOptional(),
    openFiles: integer('Open files and connections of each such process (Linux, with prlimit).', {
      min: 16,
      max: 1_048_576,
    }).exactOptional(),
  },
);

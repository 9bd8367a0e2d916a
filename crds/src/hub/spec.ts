/** The schema of `McpHub.spec`. */
import {
  choice,
  flag,
  integer,
  labelSelector,
  list,
  map,
  object,
  podTemplate,
  serverName,
  text,
  toolName,
} from '../schema/index.ts';
import { exposureField } from './exposure.ts';
import { limitsField, timeoutsField } from './limits.ts';
import { sessionsField } from './sessions.ts';

const serversField = object(
  'Which McpServers of the same namespace the hub offers: those the selector matches and those in include, without those in exclude.',
  {
    selector: labelSelector('Servers by label. Absent: none. `{}`: all of the namespace.', {
      matchLabels: { team: 'docs' },
    }).exactOptional(),
    include: list('Servers by name, whatever their labels.', serverName('Name of an McpServer.'), {
      max: 256,
      type: 'set',
    }).default([]),
    exclude: list('Servers left out; wins over selector and include.', serverName('Name of an McpServer.'), {
      max: 256,
      type: 'set',
    }).default([]),
  },
);

const alias = object('Where an extra name leads.', {
  server: serverName('Name of a selected McpServer.'),
  tool: toolName('Name the server gives the tool (before rename).'),
});

const namingField = object('How tools are called when several servers share one endpoint.', {
  strategy: choice(
    'prefix: `<server><separator><tool>`. none: names as the servers give them; a name two servers use is refused for both.',
    ['prefix', 'none'],
  ).default('prefix'),
  separator: choice('Between server and tool name.', ['_', '-', '.']).default('_'),
  maxLength: integer(
    'Longest name shown. Longer ones are cut and end in a stable hash; several clients refuse more than 64.',
    { min: 16, max: 128 },
  ).default(64),
  aliases: map('Exact names for single tools, instead of the derived name.', alias, {
    max: 256,
    example: { search: { server: 'files', tool: 'search_files' } },
    rules: [{ rule: 'self.all(k, size(k) > 0 && size(k) <= 128)', message: 'alias names have 1 to 128 characters' }],
  }).default({}),
});

const authField = object('Who may use the hub. Always written, so that an open hub is a decision one can see.', {
  mode: choice(
    'none: anyone who reaches the endpoint. The hub then shows Insecure=True; it listens on the loopback address only, in a cluster it is open to Pods of its namespace only.',
    ['none'],
  ),
});

const protocolField = object('Which clients the hub serves.', {
  eras: list('modern: revision 2026-07-28. legacy: 2024-11-05 to 2025-11-25.', choice('Era.', ['modern', 'legacy']), {
    min: 1,
    max: 2,
    type: 'set',
  }).default(['modern', 'legacy']),
});

const controlField = object('What the hub itself offers over MCP.', {
  ops: flag(
    'Read-only resources about the hub, for every client: `hub://graph` lists what each server has, under which name clients see it, and what they do not see and why. Names of hidden tools stand in it.',
  ).default(false),
});

const transportsField = object('What clients may speak beside Streamable HTTP, which is always served.', {
  sse: flag(
    'HTTP+SSE of 2024-11-05, for clients that know nothing newer: `GET <path>/sse`, `POST <path>/messages`. Deprecated in MCP; needs the legacy era.',
  ).default(false),
  websocket: flag('WebSocket at the path itself: subprotocol `mcp`, one message per text frame.').default(false),
});

const specFields = {
  servers: serversField,
  path: text('Path of the MCP endpoint.', {
    min: 2,
    max: 128,
    pattern: '^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$',
    rules: [
      {
        rule: "self != '/hubs' && !self.startsWith('/hubs/')",
        message: '/hubs is where every hub is found by name; choose another path',
      },
    ],
  }).default('/mcp'),
  naming: namingField.exactOptional(),
  protocol: protocolField.exactOptional(),
  transports: transportsField.exactOptional(),
  auth: authField,
  control: controlField.exactOptional(),
  instructions: text('Given to clients as the instructions of the hub. Absent: made from those of the servers.', {
    max: 16_384,
  }).exactOptional(),
  limits: limitsField.exactOptional(),
  timeouts: timeoutsField.exactOptional(),
  sessions: sessionsField.exactOptional(),
  replicas: integer('Pods in a cluster (also set by autoscalers). The process driver always runs one and reports so.', {
    min: 0,
    max: 100,
  }).default(2),
  exposure: exposureField.exactOptional(),
  template: podTemplate({ writableRoot: false }).exactOptional(),
};

export const mcpHubSpec = object('What the endpoint offers and to whom.', specFields, {
  rules: [
    {
      rule: "!has(self.transports) || !has(self.transports.sse) || !self.transports.sse || !has(self.protocol) || !has(self.protocol.eras) || self.protocol.eras.exists(era, era == 'legacy')",
      message: 'transports.sse is for clients of the legacy era; add legacy to protocol.eras, or remove transports.sse',
    },
  ],
});

/** The schema of `McpServer.spec`. */
import { choice, integer, object, podTemplate, text } from '../schema/index.ts';
import { healthField, instancesField, lifecycleField, limitsField, timeoutsField, toolsField } from './behaviour.ts';
import { envField, envFromField, rootsField } from './environment.ts';
import { resilienceField } from './resilience.ts';
import { sourceField } from './source.ts';

const http = object('Where a server that listens itself (source command or image) does so.', {
  port: integer('TCP port.', { min: 1, max: 65_535, example: 8080 }),
  path: text('Path of its MCP endpoint.', { min: 1, max: 256, pattern: '^/[!-~]*$' }).default('/mcp'),
});

export const mcpServerSpec = object(
  'What the server is and how it runs.',
  {
    source: sourceField,
    transport: choice(
      'How the hub talks to it. auto: stdio for programs; over HTTP where http is set and for remote sources, in whichever way the server answers (websocket for a ws:// or wss:// URL). sse: HTTP+SSE of 2024-11-05, for servers that cannot be told apart otherwise. websocket: subprotocol mcp, one message per text frame.',
      ['auto', 'stdio', 'streamableHttp', 'sse', 'websocket'],
    ).default('auto'),
    http: http.exactOptional(),
    protocol: choice(
      'MCP era it speaks. auto: probed, and the verdict kept. modern: 2026-07-28. legacy: 2025-11-25 and older.',
      ['auto', 'modern', 'legacy'],
    ).default('auto'),
    env: envField.default([]),
    envFrom: envFromField.default([]),
    roots: rootsField.default([]),
    tools: toolsField.exactOptional(),
    health: healthField.exactOptional(),
    lifecycle: lifecycleField.exactOptional(),
    instances: instancesField.exactOptional(),
    timeouts: timeoutsField.exactOptional(),
    resilience: resilienceField.exactOptional(),
    limits: limitsField.exactOptional(),
    replicas: integer(
      'Pods in a cluster (also set by autoscalers). The process driver always runs one and reports so.',
      { min: 0, max: 100 },
    ).default(1),
    template: podTemplate({ writableRoot: true }).exactOptional(),
  },
  {
    rules: [
      {
        rule: "!has(self.source.remote) || !has(self.transport) || self.transport != 'stdio'",
        message: 'a remote source is reached over HTTP; remove transport: stdio',
      },
      {
        rule: '!has(self.http) || has(self.source.command) || has(self.source.image)',
        message: 'http is only for servers that listen themselves (source command or image); remove it',
      },
      {
        rule: "!has(self.http) || !has(self.transport) || self.transport != 'stdio'",
        message: 'http and transport: stdio contradict each other; remove one',
      },
      {
        rule: "!has(self.transport) || self.transport != 'streamableHttp' || has(self.http) || has(self.source.remote)",
        message: 'transport: streamableHttp needs http.port (source command or image), or a remote source',
      },
      {
        rule: "!has(self.transport) || !(self.transport in ['sse', 'websocket']) || has(self.http) || has(self.source.remote)",
        message: 'transport: sse and transport: websocket need http.port (source command or image), or a remote source',
      },
      {
        rule: "!has(self.source.remote) || !self.source.remote.url.startsWith('ws') || !has(self.transport) || self.transport in ['auto', 'websocket']",
        message: 'a ws:// or wss:// URL is reached over WebSocket; remove transport, or give the http(s):// URL',
      },
      {
        rule: "!has(self.source.remote) || self.source.remote.url.startsWith('ws') || !has(self.transport) || self.transport != 'websocket'",
        message: 'transport: websocket needs a ws:// or wss:// URL in source.remote',
      },
      {
        rule: "!has(self.source.hub) || !has(self.transport) || self.transport == 'auto'",
        message: 'a hub is reached over Streamable HTTP; remove transport',
      },
      {
        rule: '!has(self.source.hub) || ((!has(self.roots) || size(self.roots) == 0) && (!has(self.env) || size(self.env) == 0) && (!has(self.envFrom) || size(self.envFrom) == 0))',
        message: 'a hub is given no directories and no environment; remove roots, env and envFrom',
      },
      {
        rule: '!has(self.source.remote) || !has(self.roots) || size(self.roots) == 0',
        message: 'a remote server cannot be given directories; remove roots',
      },
      {
        rule: '!has(self.source.remote) || ((!has(self.env) || size(self.env) == 0) && (!has(self.envFrom) || size(self.envFrom) == 0))',
        message: 'a remote server has no environment of ours; use source.remote.headers instead of env and envFrom',
      },
    ],
  },
);

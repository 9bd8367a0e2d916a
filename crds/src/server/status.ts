/** The schema of `McpServer.status`: what was seen of the running server. */
import {
  choice,
  conditionsField,
  integer,
  list,
  object,
  observedGenerationField,
  replicaStatusFields,
  text,
} from '../schema/index.ts';

const count = (what: string) =>
  integer(`Number of ${what}; null when the server does not offer that capability.`, {
    min: 0,
    max: 1_000_000,
  }).nullable();

export const mcpServerStatus = object('Observed state. Written by the driver only.', {
  observedGeneration: observedGenerationField.exactOptional(),
  conditions: conditionsField.exactOptional(),
  phase: choice('Where the server is in its life.', [
    'Pending',
    'Starting',
    'Ready',
    'Degraded',
    'Draining',
    'Stopped',
  ]).exactOptional(),
  serverInfo: object('How the server introduces itself.', {
    name: text('Name.', { max: 256 }),
    version: text('Version.', { max: 128 }),
  }).exactOptional(),
  protocolVersion: text('MCP revision spoken with it.', { max: 32 }).exactOptional(),
  era: choice('Era of that revision.', ['modern', 'legacy']).exactOptional(),
  transport: text('How it is really reached: stdio, streamable-http, sse or websocket.', { max: 32 }).exactOptional(),
  counts: object('What it offers, after tools.include and tools.exclude.', {
    tools: count('tools'),
    resources: count('resources'),
    resourceTemplates: count('resource templates'),
    prompts: count('prompts'),
  }).exactOptional(),
  toolsHash: text('Hash over its tool list; changes when any tool does.', { max: 64 }).exactOptional(),
  pid: integer('Process id (process driver).', { min: 1, max: 2_147_483_647 }).exactOptional(),
  restarts: integer('Unplanned restarts since the driver started.', { min: 0, max: 2_147_483_647 }).exactOptional(),
  lock: object('What was installed (npm and pypi sources).', {
    hash: text('Hash over the whole resolved dependency tree.', { max: 128 }),
  }).exactOptional(),
  circuit: object('Which of its circuit breakers are not closed. Absent: all are closed.', {
    state: choice('Of the server as a whole.', ['closed', 'open', 'halfOpen']),
    tools: list('Tools whose own breaker is not closed.', text('Name, as the server gives it.', { min: 1, max: 128 }), {
      max: 32,
      type: 'set',
    }).exactOptional(),
  }).exactOptional(),
  lastError: object('The last thing that went wrong.', {
    code: text('Code from the error reference.', { max: 64 }),
    message: text('What happened.', { max: 4_096 }),
  }).exactOptional(),
  replicas: replicaStatusFields.replicas,
  selector: replicaStatusFields.selector,
});

/** The schema of `McpHub.status`. */
import {
  conditionsField,
  integer,
  object,
  observedGenerationField,
  replicaStatusFields,
  text,
} from '../schema/index.ts';

export const mcpHubStatus = object('Observed state. Written by the driver only.', {
  observedGeneration: observedGenerationField.exactOptional(),
  conditions: conditionsField.exactOptional(),
  address: text('URL of the endpoint.', { max: 2_048 }).exactOptional(),
  servers: object('Servers the hub offers.', {
    total: integer('Selected.', { min: 0, max: 100_000 }),
    ready: integer('Ready among them.', { min: 0, max: 100_000 }),
    summary: text('ready/total.', { max: 32 }),
  }).exactOptional(),
  tools: integer('Tools a client sees.', { min: 0, max: 10_000_000 }).exactOptional(),
  configHash: text('Hash of the configuration the hub should run.', { max: 64 }).exactOptional(),
  observedConfig: text('How many replicas run it: `3/3 at generation 42`.', { max: 64 }).exactOptional(),
  replicas: replicaStatusFields.replicas,
  selector: replicaStatusFields.selector,
});

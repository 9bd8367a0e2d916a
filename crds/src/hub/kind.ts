/** McpHub: names, columns and example for the generated CRD and reference. */
import type { KindDefinition } from '../schema/index.ts';
import { mcpHubSpec } from './spec.ts';
import { mcpHubStatus } from './status.ts';

export const mcpHubKind: KindDefinition = {
  kind: 'McpHub',
  plural: 'mcphubs',
  singular: 'mcphub',
  shortNames: ['mch'],
  description: 'One governed MCP endpoint over a selection of McpServers.',
  spec: mcpHubSpec,
  status: mcpHubStatus,
  columns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether it serves its configuration.',
    },
    {
      name: 'Backends',
      type: 'string',
      jsonPath: '.status.servers.summary',
      description: 'Ready servers of all selected.',
    },
    { name: 'Tools', type: 'integer', jsonPath: '.status.tools', description: 'Tools a client sees.' },
    { name: 'URL', type: 'string', jsonPath: '.status.address', description: 'The endpoint.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since creation.' },
    {
      name: 'Config',
      type: 'string',
      jsonPath: '.status.observedConfig',
      description: 'Replicas that run the wanted configuration.',
      priority: 1,
    },
    { name: 'Replicas', type: 'integer', jsonPath: '.status.replicas', description: 'Running replicas.', priority: 1 },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why it is ready or not.',
      priority: 1,
    },
  ],
  example: `apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata:
  name: desk
spec:
  servers: {selector: {matchLabels: {team: docs}}}
  auth: {mode: none}
`,
};

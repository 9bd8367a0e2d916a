/** McpServer: names, columns and example for the generated CRD and reference. */
import type { KindDefinition } from '../schema/index.ts';
import { mcpServerSpec } from './spec.ts';
import { mcpServerStatus } from './status.ts';

export const mcpServerKind: KindDefinition = {
  kind: 'McpServer',
  plural: 'mcpservers',
  singular: 'mcpserver',
  shortNames: ['mcs'],
  description: 'One MCP server, whatever it runs on: a package, a program, an image or a remote endpoint.',
  spec: mcpServerSpec,
  status: mcpServerStatus,
  columns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether it answers.',
    },
    { name: 'Replicas', type: 'integer', jsonPath: '.status.replicas', description: 'Running replicas.' },
    { name: 'Transport', type: 'string', jsonPath: '.status.transport', description: 'How the hub reaches it.' },
    { name: 'Protocol', type: 'string', jsonPath: '.status.protocolVersion', description: 'MCP revision spoken.' },
    { name: 'Tools', type: 'integer', jsonPath: '.status.counts.tools', description: 'Tools offered.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since creation.' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where it is in its life.', priority: 1 },
    {
      name: 'Version',
      type: 'string',
      jsonPath: '.status.serverInfo.version',
      description: 'Version the server reports.',
      priority: 1,
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why it is ready or not.',
      priority: 1,
    },
  ],
  example: `apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata:
  name: memory
  labels: {team: docs}
spec:
  source:
    npm:
      package: "@modelcontextprotocol/server-memory"
      version: 2026.8.31
`,
};

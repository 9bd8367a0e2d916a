/**
 * The hub that client files get without writing one, and the text of it that is offered where manifests lack theirs.
 *
 * Only client files get it by themselves: in manifests an endpoint is a decision that somebody wrote down.
 */
import type { ManifestObject } from '@quaymaster/crds';

export const impliedHub: ManifestObject = {
  apiVersion: 'quaymaster.dev/v1alpha1',
  kind: 'McpHub',
  metadata: { name: 'hub' },
  spec: { servers: { selector: {} }, auth: { mode: 'none' } },
};

export function hubText(name = 'hub', namespace?: string): string {
  return [
    'apiVersion: quaymaster.dev/v1alpha1',
    'kind: McpHub',
    `metadata: {name: ${name}${namespace === undefined || namespace === 'default' ? '' : `, namespace: ${namespace}`}}`,
    'spec:',
    '  servers: {selector: {}}   # every McpServer of the namespace',
    '  auth: {mode: none}        # loopback only; shown as Insecure=True',
    '',
  ].join('\n');
}

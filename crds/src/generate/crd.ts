/** The CustomResourceDefinition of a kind. */
import { stringify } from 'yaml';
import { apiGroup } from '../manifest/index.ts';
import type { KindDefinition } from '../schema/index.ts';
import { kindSchema } from './kind-schema.ts';

export const generatedHeader = '# Generated from crds/src by `make generate`. Do not edit.\n';

export function crdYaml(kind: KindDefinition): string {
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${apiGroup}` },
    spec: {
      group: apiGroup,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: kind.shortNames,
        categories: ['mcp'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          additionalPrinterColumns: kind.columns,
          schema: { openAPIV3Schema: kindSchema(kind) },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
        },
      ],
    },
  };
  return generatedHeader + stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false });
}

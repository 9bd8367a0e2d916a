/** The whole-object schema of a kind: apiVersion, kind, restricted metadata.name, spec and status. */
import { maxKindName } from '../schema/index.ts';
import type { KindDefinition } from '../schema/index.ts';
import type { StructuralSchema } from '../structural/index.ts';
import { labelPattern } from '../units/index.ts';
import { toStructural } from './to-structural.ts';

export function kindSchema(kind: KindDefinition): StructuralSchema {
  return {
    type: 'object',
    description: kind.description,
    required: ['metadata', 'spec'],
    properties: {
      apiVersion: { type: 'string', description: 'quaymaster.dev/v1alpha1' },
      kind: { type: 'string', description: kind.kind },
      metadata: {
        type: 'object',
        // The only members of metadata a CRD may restrict are name and generateName.
        properties: { name: { type: 'string', minLength: 1, maxLength: maxKindName, pattern: labelPattern } },
      },
      spec: toStructural(kind.spec, 'spec'),
      status: toStructural(kind.status, 'status'),
    },
  };
}

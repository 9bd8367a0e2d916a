/** References to keys of Secrets and ConfigMaps, and label selectors: shaped as in core Kubernetes, so nobody learns them twice. */
import { choice, flag, list, map, object, text } from './fields.ts';
import { objectName } from './scalars.ts';

const keyPattern = '^[-._a-zA-Z0-9]+$';
const labelKeyPattern = '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$';
const labelValuePattern = '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$';

export function keyRef(kind: 'Secret' | 'ConfigMap') {
  return object(`One key of a ${kind} in the same namespace.`, {
    name: objectName(`Name of the ${kind}.`),
    key: text('Key inside it.', { min: 1, max: 253, pattern: keyPattern }),
    optional: flag(
      `When true, a missing ${kind} or key leaves the value unset instead of keeping the server from starting.`,
    ).default(false),
  });
}

export function objectRef(kind: 'Secret' | 'ConfigMap') {
  return object(`All keys of a ${kind} in the same namespace.`, {
    name: objectName(`Name of the ${kind}.`),
    optional: flag(`When true, a missing ${kind} counts as an empty one.`).default(false),
  });
}

export const labelKey = (description: string) => text(description, { min: 1, max: 317, pattern: labelKeyPattern });
export const labelValue = (description: string) => text(description, { max: 63, pattern: labelValuePattern });

export function labelSelector(description: string, example: unknown) {
  return object(
    description,
    {
      matchLabels: map('Labels an object must have, each with exactly this value.', labelValue('Value of the label.'), {
        max: 32,
        // Only the length: a regex over map keys, whose length no schema can bound, exceeds the API server's cost limit.
        rules: [{ rule: 'self.all(k, size(k) > 0 && size(k) <= 317)', message: 'label keys have 1 to 317 characters' }],
      }).exactOptional(),
      matchExpressions: list(
        'Further conditions; all must hold.',
        object(
          'One condition on one label.',
          {
            key: labelKey('Label key.'),
            operator: choice('How values are compared.', ['In', 'NotIn', 'Exists', 'DoesNotExist']),
            values: list('Values for In and NotIn.', labelValue('Value.'), { max: 64, type: 'atomic' }).exactOptional(),
          },
          {
            rules: [
              {
                rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
                message: 'In and NotIn need values; Exists and DoesNotExist take none',
              },
            ],
          },
        ),
        { max: 32 },
      ).exactOptional(),
    },
    { example },
  );
}

/**
 * `spec.template`: what may be said about the Pods of a server or hub beyond what the kind itself says.
 *
 * Names and places are those of a Kubernetes Pod template, so that nobody learns them twice; only what can be laid over without breaking
 * what the operator promises is here (no containers, no volumes, no privileges). Cluster only.
 */
import { choice, flag, integer, list, map, object, text } from './fields.ts';
import { labelKey, labelSelector, labelValue } from './references.ts';
import { objectName } from './scalars.ts';

const quantity = text('A Kubernetes quantity such as 250m, 512Mi or 2.', {
  min: 1,
  max: 24,
  pattern: '^[0-9]{1,12}(\\.[0-9]{1,3})?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$',
});
const quantities = (description: string, example: unknown) => map(description, quantity, { max: 8, example });

const keysFit = { rule: 'self.all(k, size(k) > 0 && size(k) <= 317)', message: 'keys have 1 to 317 characters' };

const metadata = object(
  'Put on the Pods. Keys under quaymaster.dev/ and app.kubernetes.io/ stay as the operator sets them.',
  {
    labels: map('Labels.', labelValue('Value of the label.'), { max: 32, rules: [keysFit] }).exactOptional(),
    annotations: map('Annotations, for instance of an injector.', text('Value.', { max: 4_096 }), {
      max: 32,
      rules: [keysFit],
    }).exactOptional(),
  },
);

const toleration = object(
  'A taint the Pods accept.',
  {
    key: text('Key of the taint. Absent with operator Exists: every taint.', { min: 1, max: 317 }).exactOptional(),
    operator: choice('How the value is compared.', ['Exists', 'Equal']).exactOptional(),
    value: labelValue('Value for Equal.').exactOptional(),
    effect: choice('Effect of the taint. Absent: every effect.', [
      'NoSchedule',
      'PreferNoSchedule',
      'NoExecute',
    ]).exactOptional(),
    tolerationSeconds: integer('For NoExecute: how long it is accepted.', {
      min: 0,
      max: 2_147_483_647,
    }).exactOptional(),
  },
  {
    rules: [
      {
        rule: "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
        message: 'operator Exists takes no value; remove it, or use Equal',
      },
      {
        rule: "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
        message: 'without a key only operator Exists makes sense; add the key',
      },
      {
        rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        message: 'tolerationSeconds needs effect: NoExecute',
      },
    ],
  },
);

const nodeTerm = object('Conditions on one node; all must hold.', {
  matchExpressions: list(
    'Conditions on labels of the node.',
    object(
      'One condition.',
      {
        key: labelKey('Label key.'),
        operator: choice('How values are compared.', ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
        values: list('Values for In, NotIn, Gt and Lt.', labelValue('Value.'), { max: 32 }).exactOptional(),
      },
      {
        rules: [
          {
            rule: "self.operator in ['Exists', 'DoesNotExist'] ? !has(self.values) || size(self.values) == 0 : has(self.values) && size(self.values) > 0",
            message: 'In, NotIn, Gt and Lt need values; Exists and DoesNotExist take none',
          },
          {
            rule: "!(self.operator in ['Gt', 'Lt']) || (has(self.values) && size(self.values) == 1 && self.values[0].matches('^[0-9]+$'))",
            message: 'Gt and Lt need exactly one value, a number',
          },
        ],
      },
    ),
    { min: 1, max: 16 },
  ),
});

const weight = integer('How much it counts among the preferences.', { min: 1, max: 100 });

const podTerm = object('Pods, and how near is near.', {
  labelSelector: labelSelector('Which Pods of the same namespace.', { matchLabels: { app: 'cache' } }),
  topologyKey: labelKey('Label of nodes: equal value is the same place.'),
});

const podAffinity = (description: string) =>
  object(description, {
    requiredDuringSchedulingIgnoredDuringExecution: list('Must hold.', podTerm, { max: 8 }).exactOptional(),
    preferredDuringSchedulingIgnoredDuringExecution: list(
      'Better if it holds.',
      object('A preference.', { weight, podAffinityTerm: podTerm }),
      { max: 8 },
    ).exactOptional(),
  });

const affinity = object('Where the Pods run, as in a Pod.', {
  nodeAffinity: object('By node.', {
    requiredDuringSchedulingIgnoredDuringExecution: object('Must hold.', {
      nodeSelectorTerms: list('One of these terms must hold.', nodeTerm, { min: 1, max: 8 }),
    }).exactOptional(),
    preferredDuringSchedulingIgnoredDuringExecution: list(
      'Better if it holds.',
      object('A preference.', { weight, preference: nodeTerm }),
      { max: 8 },
    ).exactOptional(),
  }).exactOptional(),
  podAffinity: podAffinity('Near other Pods.').exactOptional(),
  podAntiAffinity: podAffinity('Away from other Pods.').exactOptional(),
});

const spread = object('How the Pods of this object are spread.', {
  maxSkew: integer('Largest difference between two places.', { min: 1, max: 100 }),
  topologyKey: labelKey('Label of nodes: equal value is the same place.'),
  whenUnsatisfiable: choice('What happens when it cannot hold.', ['DoNotSchedule', 'ScheduleAnyway']),
});

const id = (description: string) => integer(description, { min: 1, max: 2_147_483_647 });

const securityShape = {
  runAsUser: id('User id; never root.').exactOptional(),
  runAsGroup: id('Group id; never root.').exactOptional(),
  fsGroup: id('Group that owns mounted volumes.').exactOptional(),
};
const securityText = 'User and groups of the processes. Everything else is fixed by Pod Security "restricted".';
const writableRoot = flag(
  'Whether the root file system is read-only. Turn it off for an image that writes outside /tmp and its roots.',
).exactOptional();

/** `writableRoot`: only a server runs images of others. */
export function podTemplate(options: { readonly writableRoot: boolean }) {
  const securityContext = options.writableRoot
    ? object(securityText, { ...securityShape, readOnlyRootFilesystem: writableRoot })
    : object(securityText, securityShape);
  return object(
    'Cluster only. Laid over the Pod template as the last step; labels, selectors and security stay as they are.',
    {
      metadata: metadata.exactOptional(),
      spec: object('Parts of a Pod spec.', {
        nodeSelector: map('Labels a node must have.', labelValue('Value of the label.'), {
          max: 16,
          rules: [keysFit],
        }).exactOptional(),
        tolerations: list('Taints the Pods accept.', toleration, { max: 16 }).exactOptional(),
        affinity: affinity.exactOptional(),
        topologySpreadConstraints: list('Instead of the soft spread over nodes and zones.', spread, {
          max: 8,
          type: 'map',
          keys: ['topologyKey', 'whenUnsatisfiable'],
        }).exactOptional(),
        priorityClassName: objectName('Name of a PriorityClass.').exactOptional(),
        runtimeClassName: objectName('Name of a RuntimeClass, for instance of a sandbox.').exactOptional(),
        serviceAccountName: objectName(
          'An existing ServiceAccount instead of one of our own. The Pods still get no Kubernetes API token.',
        ).exactOptional(),
        imagePullSecrets: list(
          'Secrets for pulling images, besides those of the installation.',
          object('A Secret.', { name: objectName('Name of the Secret.') }),
          { max: 8, type: 'map', keys: ['name'] },
        ).exactOptional(),
        resources: object('Of the main container; named quantities replace the defaults one by one.', {
          requests: quantities('What it is given.', { cpu: '250m', memory: '256Mi' }).exactOptional(),
          limits: quantities('What it may take at most.', { memory: '1Gi' }).exactOptional(),
        }).exactOptional(),
        securityContext: securityContext.exactOptional(),
      }).exactOptional(),
    },
  );
}

/** `spec.env`, `spec.envFrom` and `spec.roots`: what a server is given from outside. */
import { flag, keyRef, list, object, objectName, objectRef, oneOf, text } from '../schema/index.ts';
import { labelPattern } from '../units/index.ts';

const variablePattern = '^[A-Za-z_][A-Za-z0-9_.-]*$';

const valueFrom = oneOf(
  'Where the value comes from.',
  { secretKeyRef: keyRef('Secret').exactOptional(), configMapKeyRef: keyRef('ConfigMap').exactOptional() },
  ['secretKeyRef', 'configMapKeyRef'],
);

export const envField = list(
  'Environment variables. They win over envFrom. Anything secret comes by reference.',
  oneOf(
    'A variable.',
    {
      name: text('Variable name.', { min: 1, max: 256, pattern: variablePattern, example: 'LOG_LEVEL' }),
      value: text('Literal value. `$(roots.<name>)` becomes the path of that root.', { max: 32_768 }).exactOptional(),
      valueFrom: valueFrom.exactOptional(),
    },
    ['value', 'valueFrom'],
  ),
  { max: 128, type: 'map', keys: ['name'] },
);

export const envFromField = list(
  'All keys of Secrets and ConfigMaps as variables. A later entry wins over an earlier one.',
  oneOf(
    'One object.',
    {
      secretRef: objectRef('Secret').exactOptional(),
      configMapRef: objectRef('ConfigMap').exactOptional(),
      prefix: text('Put before each key.', { max: 128, pattern: '^([A-Za-z_][A-Za-z0-9_.-]*)?$' }).default(''),
    },
    ['secretRef', 'configMapRef'],
  ),
  { max: 32 },
);

export const rootsField = list(
  'Directories the server works on. The same manifest names a local directory on a laptop and a volume in a cluster by one name.',
  oneOf(
    'A directory, from exactly one of directory, claim and emptyDir.',
    {
      name: text('Name for `$(roots.<name>)` in arguments and variables.', {
        min: 1,
        max: 63,
        pattern: labelPattern,
        example: 'data',
      }),
      mountPath: text('Absolute path inside the container. On a laptop `$(roots.<name>)` is the local path instead.', {
        min: 2,
        max: 512,
        pattern: '^(/[A-Za-z0-9._-]+)+$',
        defaultNote: '`/roots/<name>`',
        rules: [{ rule: "!self.contains('/../') && !self.endsWith('/..')", message: 'write the path without ..' }],
      }).exactOptional(),
      readOnly: flag('Mount read-only. A child process on a laptop still runs with your own rights.').default(false),
      directory: text('Local directory, relative to the manifest or absolute. For the process driver.', {
        min: 1,
        max: 1_024,
        example: './data',
      }).exactOptional(),
      claim: objectName('Name of a PersistentVolumeClaim. For a cluster.').exactOptional(),
      emptyDir: object('A fresh directory that lives as long as the server does.', {}).exactOptional(),
    },
    ['directory', 'claim', 'emptyDir'],
  ),
  { max: 16, type: 'map', keys: ['name'] },
);

/**
 * `spec.template` laid over a Pod template, as the last step.
 *
 * It adds and replaces what it names and nothing else: labels the operator selects by, security and volumes stay as they are.
 */
import type { McpServerSpec } from '../server/index.ts';
import { isReserved } from './labels.ts';
import type { SecurityOverlay } from './security.ts';
import type { Resources } from './settings.ts';
import type { Json } from './types.ts';

export type Template = NonNullable<McpServerSpec['template']>;
type Texts = Readonly<Record<string, string>>;

export interface PodParts {
  readonly labels: Texts;
  readonly annotations: Texts;
  /** With `serviceAccountName`, `topologySpreadConstraints` and `imagePullSecrets` as they are without a template. */
  readonly spec: Json;
  /** Selects the Pods of the object: what a spread counts. */
  readonly selector: Texts;
}

const keyForm = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Keys of maps are beyond schemas, and one bad key would cost the whole Deployment. In words; undefined when all is well. */
export function malformedKeys(template: Template | undefined): string | undefined {
  const { metadata = {}, spec = {} } = template ?? {};
  const maps = {
    'metadata.labels': metadata.labels,
    'metadata.annotations': metadata.annotations,
    'spec.nodeSelector': spec.nodeSelector,
    'spec.resources.requests': spec.resources?.requests,
    'spec.resources.limits': spec.resources?.limits,
  };
  for (const [path, map] of Object.entries(maps)) {
    const bad = Object.keys(map ?? {}).find((key) => !keyForm.test(key));
    if (bad !== undefined)
      return `spec.template.${path}: ${JSON.stringify(bad)} is no key; use letters, digits, -, _ and ., at most 63, with an optional prefix and /`;
  }
  return undefined;
}

/** The Pod template of a Deployment. */
export function overlayPod(parts: PodParts, template: Template | undefined): Json {
  const { metadata = {}, spec = {} } = template ?? {};
  const annotations = { ...free(metadata.annotations), ...parts.annotations };
  const secrets = [
    ...(parts.spec['imagePullSecrets'] as readonly { name: string }[]),
    ...(spec.imagePullSecrets ?? []),
  ];
  const spread = spec.topologySpreadConstraints?.map((one) => ({
    ...one,
    labelSelector: { matchLabels: parts.selector },
  }));
  const { imagePullSecrets: _replaced, ...rest } = parts.spec;
  return {
    metadata: {
      labels: { ...free(metadata.labels), ...parts.labels },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: {
      ...rest,
      ...(secrets.length === 0
        ? {}
        : { imagePullSecrets: [...new Map(secrets.map((one) => [one.name, one])).values()] }),
      ...(spread === undefined ? {} : { topologySpreadConstraints: spread }),
      ...optional('nodeSelector', spec.nodeSelector),
      ...optional('tolerations', spec.tolerations),
      ...optional('affinity', spec.affinity),
      ...optional('priorityClassName', spec.priorityClassName),
      ...optional('runtimeClassName', spec.runtimeClassName),
      ...optional('serviceAccountName', spec.serviceAccountName),
    },
  };
}

/** Named quantities replace the defaults; a default that would contradict a named one (a request above its limit) goes. */
export function overlayResources(defaults: Resources, template: Template | undefined): Json {
  const { requests = {}, limits = {} } = template?.spec?.resources ?? {};
  return {
    requests: { ...without(defaults.requests, limits), ...requests },
    limits: { ...without(defaults.limits, requests), ...limits },
  };
}

export function securityOverlay(template: Template | undefined): SecurityOverlay {
  return template?.spec?.securityContext ?? {};
}

function free(texts: Texts = {}): Texts {
  return Object.fromEntries(Object.entries(texts).filter(([key]) => !isReserved(key)));
}

function without(texts: Texts, named: Texts): Texts {
  return Object.fromEntries(Object.entries(texts).filter(([key]) => !Object.hasOwn(named, key)));
}

function optional(name: string, value: unknown): Json {
  return value === undefined ? {} : { [name]: value };
}

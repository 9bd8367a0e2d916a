/** What must hold for whatever the chart renders, whatever the values. Empty when it does. */
import { readRenderSettings } from '@quaymaster/crds';

import type { Manifest } from './helm.ts';

interface Container {
  readonly image: string;
  readonly resources?: { readonly requests?: object; readonly limits?: Readonly<Record<string, string>> };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly livenessProbe?: unknown;
  readonly readinessProbe?: unknown;
}
interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly Container[]; readonly serviceAccountName: string };
}

type Labels = Readonly<Record<string, string>>;

/** As names and namespaces go: `kind/namespace/name`. */
export const identify = ({ kind, metadata }: Manifest): string =>
  `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;

export function podOf(objects: readonly Manifest[]): PodTemplate {
  const deployment = objects.find((each) => each.kind === 'Deployment');
  return deployment?.spec?.['template'] as PodTemplate;
}

export function problemsOf(objects: readonly Manifest[]): readonly string[] {
  const found: string[] = [];
  const names = objects.map(identify);
  for (const name of new Set(names)) if (names.filter((each) => each === name).length > 1) found.push(`twice: ${name}`);
  for (const object of objects) {
    const labels = object.metadata.labels ?? {};
    if (labels['app.kubernetes.io/part-of'] !== 'quaymaster') found.push(`no labels: ${identify(object)}`);
    // The operator takes what carries this for its own.
    if (labels['app.kubernetes.io/managed-by'] === 'quaymaster') found.push(`passes for ours: ${identify(object)}`);
    if (object.kind === 'Secret') found.push(`a Secret: ${identify(object)}`);
    if (JSON.stringify(object.rules ?? '').includes('"*"')) found.push(`a wildcard: ${identify(object)}`);
  }
  return [...found, ...podProblems(objects), ...serviceProblems(objects), ...settingsProblems(objects)];
}

function podProblems(objects: readonly Manifest[]): readonly string[] {
  const found: string[] = [];
  for (const { image, resources, securityContext = {}, livenessProbe, readinessProbe } of podOf(objects).spec
    .containers) {
    if (!/(:[^/:@]+|@sha256:[0-9a-f]{64})$/.test(image) || image.endsWith(':latest')) found.push(`image ${image}`);
    if (resources?.requests === undefined || resources.limits?.['memory'] === undefined) found.push('no resources');
    if (resources?.limits?.['cpu'] !== undefined) found.push('a throttled leader');
    if (securityContext['readOnlyRootFilesystem'] !== true) found.push('its root can be written');
    if (livenessProbe === undefined || readinessProbe === undefined) found.push('no probes');
  }
  return found;
}

/** A Service that selects nothing, or another's Pods, is the quietest of faults. */
function serviceProblems(objects: readonly Manifest[]): readonly string[] {
  const { labels } = podOf(objects).metadata;
  const selectors = objects.flatMap(({ kind, metadata, spec = {} }) => {
    const place = { Service: 'selector', PodDisruptionBudget: 'selector', NetworkPolicy: 'podSelector' }[kind];
    if (place === undefined) return [];
    const selector = spec[place] as { readonly matchLabels?: Labels } & Labels;
    return [[`${kind} ${metadata.name}`, selector.matchLabels ?? selector] as const];
  });
  return selectors
    .filter(([, selector]) => Object.entries(selector).some(([key, value]) => labels[key] !== value))
    .map(([name]) => `${name} selects no Pod of ours`);
}

/** What the operator will read at its start. */
function settingsProblems(objects: readonly Manifest[]): readonly string[] {
  const map = objects.find((each) => each.kind === 'ConfigMap' && each.metadata.name.endsWith('-settings'));
  const { logLevel, watchNamespaces, render, ...rest } = JSON.parse(map?.data?.['settings.json'] ?? '{}') as Record<
    string,
    unknown
  >;
  if (typeof logLevel !== 'string' || !Array.isArray(watchNamespaces) || Object.keys(rest).length > 0)
    return ['settings of another shape'];
  const read = readRenderSettings(render, '0.0.0');
  return 'images' in read ? [] : read.map((issue) => `settings: ${JSON.stringify(issue)}`);
}

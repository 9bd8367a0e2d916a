/** What validation and compiler found, as problems with places: issues field by field, and every other condition that is not as it should be. */
import {
  clusterOnlyFields,
  type Compiled,
  type ConditionDraft,
  type Issue,
  type ManifestObject,
} from '@quaymaster/crds';

import type { LoadedObject } from '../load/index.ts';
import { type Problem, problem } from '../problems/index.ts';

interface Finding {
  readonly object: ManifestObject;
  readonly conditions: readonly ConditionDraft[];
  readonly issues: readonly Issue[];
}

/** Said elsewhere, or no fault of the manifests. */
const quiet = new Set(['Invalid', 'UnknownKind', 'NoAuthentication', 'NotProgrammed', 'ServerRefused']);

/** `target`: whether the manifests are to run on this machine, or are looked at for a cluster. */
export type Target = 'machine' | 'cluster';

export function problemsOf(compiled: Compiled, objects: readonly LoadedObject[], target: Target): Problem[] {
  const byObject = new Map(objects.map((one) => [one.object, one]));
  const findings: Finding[] = [...compiled.hubOutcomes, ...compiled.servers, ...compiled.refused];
  // Without any hub nothing is selected, and that is said once.
  const skipped = compiled.hubOutcomes.length === 0 ? new Set([...quiet, 'NotSelected']) : quiet;
  const idle = target === 'machine' ? [...compiled.hubOutcomes, ...compiled.servers] : [];
  return [
    ...findings.flatMap((finding) => problemsOfOne(finding, byObject.get(finding.object), skipped)),
    ...idle.flatMap(({ object, issues }) => (issues.length > 0 ? [] : clusterOnly(object, byObject.get(object)))),
  ].toSorted(byPlace);
}

/** Fields that do nothing here are said, one by one: a difference between laptop and cluster is never silent. */
function clusterOnly(object: ManifestObject, loaded: LoadedObject | undefined): Problem[] {
  return clusterOnlyFields(object).map((path) =>
    problem('warning', 'only a cluster acts on this field; here it does nothing', '', {
      file: loaded?.file === '' ? undefined : loaded?.file,
      position: loaded?.locate(path),
      subject: subjectOf(object),
      path,
    }),
  );
}

function subjectOf({ kind, metadata }: ManifestObject): string {
  return `${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`;
}

function problemsOfOne(finding: Finding, loaded: LoadedObject | undefined, skipped: ReadonlySet<string>): Problem[] {
  const { object } = finding;
  const file = loaded?.file === '' ? undefined : loaded?.file;
  const subject = subjectOf(object);
  const issues = finding.issues.map((issue) =>
    problem('error', issue.message, issue.next, {
      file,
      position: loaded?.locate(issue.path),
      subject,
      path: issue.path,
    }),
  );
  const said = new Set<string>();
  for (const condition of finding.conditions) {
    if (condition.severity === 'info' || skipped.has(condition.reason) || said.has(condition.reason)) continue;
    if (issues.length > 0 && condition.reason === 'DuplicateName') continue;
    said.add(condition.reason);
    const path = /(?:\(| in )(spec\.[^\s)]+)/.exec(condition.message)?.[1] ?? 'metadata.name';
    issues.push(
      problem(condition.severity, `${condition.reason}: ${condition.message}`, nextStep(condition, object), {
        file,
        position: loaded?.locate(path),
        subject,
      }),
    );
  }
  return issues;
}

/** Where this driver has a way of its own beside what holds everywhere. */
function nextStep(condition: ConditionDraft, object: ManifestObject): string {
  if (condition.reason !== 'SecretNotFound' || (object.metadata.namespace ?? 'default') !== 'default')
    return condition.next;
  const name = /Secret "([^"]+)"/.exec(condition.message)?.[1] ?? 'NAME';
  return `${condition.next}, or give its values with --secret ${name}=FILE`;
}

function byPlace(a: Problem, b: Problem): number {
  const files = (a.file ?? '').localeCompare(b.file ?? '');
  return files === 0 ? (a.position?.line ?? 0) - (b.position?.line ?? 0) : files;
}

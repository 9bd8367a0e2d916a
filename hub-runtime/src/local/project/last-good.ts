/**
 * What a reload does with objects that became worse than what runs (EF-45): the running version stays, as an API server would refuse the edit.
 *
 * That is so for an object that is invalid now, and for one that is declared twice now. An object that was never good is passed on as it is;
 * the compiler says what is wrong with it.
 */
import { describeObject, describeOrigin, type ManifestObject, type Validator } from '@quaymaster/crds';

import type { LoadedObject } from '../load/index.ts';
import { type Problem, problem } from '../problems/index.ts';
import { identity } from './generations.ts';

export interface Kept {
  readonly objects: readonly LoadedObject[];
  readonly problems: readonly Problem[];
}

const stays = 'the version that runs stays';

/** `running`: the objects that take part in the configuration of now. */
export function keepLastGood(
  objects: readonly LoadedObject[],
  running: ReadonlyMap<string, LoadedObject>,
  validate: Validator,
): Kept {
  const problems: Problem[] = [];
  const kept: LoadedObject[] = [];
  const twice = new Map<string, LoadedObject[]>();
  for (const one of objects) {
    const key = identity(one.object);
    twice.set(key, [...(twice.get(key) ?? []), one]);
  }
  for (const [key, all] of twice) {
    const last = running.get(key);
    if (last === undefined) {
      kept.push(...all);
      continue;
    }
    const found = all.length > 1 ? [duplicate(all)] : issuesOf(all[0], validate);
    problems.push(...found);
    const only = all[0];
    kept.push(found.length > 0 || only === undefined ? last : only);
  }
  return { objects: kept, problems };
}

function duplicate(all: readonly LoadedObject[]): Problem {
  const places = all.map((one) => describeOrigin(one.object.origin).replace(/^ \(|\)$/g, '')).join(' and ');
  const second = all[1];
  return problem('error', `declared ${all.length} times (${places}); ${stays}`, 'rename or remove all but one', {
    file: second?.file,
    position: second?.locate('metadata.name'),
    subject: second === undefined ? undefined : nameOf(second.object),
  });
}

function issuesOf(one: LoadedObject | undefined, validate: Validator): Problem[] {
  if (one === undefined) return [];
  return validate(one.object).map((issue) =>
    problem('error', `${issue.message}; ${stays}`, issue.next, {
      file: one.file,
      position: one.locate(issue.path),
      subject: nameOf(one.object),
      path: issue.path,
    }),
  );
}

function nameOf(object: ManifestObject): string {
  const { origin: _origin, ...rest } = object;
  return describeObject(rest);
}

/**
 * From `-f` paths to everything a run needs: objects, configurations of the hubs, values of secrets, and what is wrong.
 *
 * Runs at start and again at each change of a watched file. It never throws for what files hold: whatever is wrong is a problem with
 * place and next step, and the rest is used. `previous` makes a reload safe: a file that is half-written or gone blocks the reload as a whole
 * (`blocked`), and an object that became invalid keeps its last valid version, as an API server would refuse the edit (EF-45).
 */
import { assumeReferences, compile, type Compiled, type ManifestObject, validatorFor } from '@quaymaster/crds';

import { impliedHub, importClientFile, ServerNames, workspaceOf } from '../clients/index.ts';
import {
  type LoadedObject,
  type NamedFile,
  objectValues,
  type ObjectValues,
  parseManifests,
  readEnvFiles,
  readSources,
  type SourceText,
} from '../load/index.ts';
import { type Problem, problem } from '../problems/index.ts';
import { problemsOf } from './compile-problems.ts';
import { identity, withGenerations } from './generations.ts';
import { keepLastGood } from './last-good.ts';
import { missingHub } from './missing-hub.ts';

export interface ProjectOptions {
  readonly paths: readonly string[];
  readonly envFiles: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Buffer | string>;
  /**
   * The manifests are for a cluster and only looked at: Secrets and ConfigMaps they do not declare are taken for granted, and `namespace`
   * is that of objects that name none, as with kubectl.
   */
  readonly cluster?: { readonly namespace: string | undefined } | undefined;
  /** The project as it runs now, at a reload. */
  readonly previous?: Project | undefined;
}

export interface Project {
  readonly objects: readonly LoadedObject[];
  readonly compiled: Compiled;
  readonly values: ObjectValues;
  readonly problems: readonly Problem[];
  /** The hub that was added because only client files were given. */
  readonly impliedHub: ManifestObject | undefined;
  /** Nothing can run: no hub is left, or no file could be read. */
  readonly fatal: boolean;
  /** At a reload: the files are in no state to be used; what runs stays. */
  readonly blocked: boolean;
  /** Files that held something, for telling a half-written file from an empty one. */
  readonly filled: ReadonlySet<string>;
}

export async function loadProject(options: ProjectOptions): Promise<Project> {
  const { previous } = options;
  const envFiles = await readEnvFiles(options.envFiles, options.cwd);
  const read = await readSources(options);
  const gathered = gather(read.sources, { ...options.env, ...envFiles.variables });
  const emptied = previous === undefined ? [] : emptiedFiles(gathered.filled, read.sources, previous);
  const fileProblems = [...envFiles.problems, ...read.problems, ...gathered.problems, ...emptied];
  const broken = gathered.broken || emptied.length > 0 || read.problems.length > 0 || envFiles.problems.length > 0;

  const implied = gathered.objects.length > 0 && gathered.clientsOnly ? impliedHub : undefined;
  const judged = [...gathered.objects, ...(previous?.objects ?? [])].map((one) => one.object);
  const validate = await validatorFor(implied === undefined ? judged : [...judged, implied]);
  const kept =
    previous === undefined
      ? { objects: gathered.objects, problems: [] }
      : keepLastGood(gathered.objects, runningObjects(previous), validate);
  const all = implied === undefined ? kept.objects : [...kept.objects, asLoaded(implied, options.cwd)];
  const objects = withGenerations(inNamespace(all, options.cluster?.namespace), previous?.objects ?? []);
  const manifests = objects.map((one) => one.object);
  const lookup = options.cluster === undefined ? lookupIn(envFiles.secrets) : assumeReferences(manifests);
  const compiled = compile(manifests, { validate, lookup });
  const hubs = missingHub(compiled, fileProblems.length > 0);
  return {
    objects,
    compiled,
    values: objectValues(manifests, envFiles.secrets),
    problems: [
      ...fileProblems,
      ...kept.problems,
      ...problemsOf(compiled, objects, options.cluster === undefined ? 'machine' : 'cluster'),
      ...hubs,
    ],
    impliedHub: implied,
    fatal: compiled.hubs.length === 0,
    blocked: previous !== undefined && (broken || compiled.hubs.length === 0 || newlyRefused(compiled, previous)),
    filled: gathered.filled,
  };
}

interface Gathered {
  readonly objects: readonly LoadedObject[];
  readonly problems: readonly Problem[];
  readonly broken: boolean;
  readonly clientsOnly: boolean;
  readonly filled: ReadonlySet<string>;
}

function gather(sources: readonly SourceText[], env: Readonly<Record<string, string | undefined>>): Gathered {
  const objects: LoadedObject[] = [];
  const problems: Problem[] = [];
  const filled = new Set<string>();
  const names = new ServerNames();
  let broken = false;
  let clientsOnly = true;
  for (const source of sources) {
    if (/^kustomization\.ya?ml$/i.test(source.file.split(/[\\/]/).at(-1) ?? '')) {
      problems.push(
        problem('note', 'kustomization files are not applied', 'pipe: kubectl kustomize DIR | qm up -f -', {
          file: source.file,
        }),
      );
      continue;
    }
    const client = importClientFile(source, { env, names, missing: 'refuse' });
    const part = client === undefined ? parseManifests(source) : client;
    problems.push(...part.problems);
    broken ||= part.broken;
    if (part.objects.length > 0) filled.add(source.file);
    if (client === undefined) {
      clientsOnly &&= part.objects.length === 0 && !part.broken;
      objects.push(...(part.objects as readonly LoadedObject[]));
    } else for (const object of client.objects) objects.push(asLoaded(object, workspaceOf(source.directory)));
  }
  return { objects, problems, broken, clientsOnly, filled };
}

function asLoaded(object: ManifestObject, directory: string): LoadedObject {
  return { object, file: object.origin?.file ?? '', directory, locate: () => undefined };
}

function inNamespace(objects: readonly LoadedObject[], namespace: string | undefined): readonly LoadedObject[] {
  if (namespace === undefined) return objects;
  return objects.map((one) => {
    const { metadata } = one.object;
    // Whatever is wrong with a document is for validation to say.
    if (typeof metadata !== 'object' || metadata === null || metadata.namespace !== undefined) return one;
    return { ...one, object: { ...one.object, metadata: { ...metadata, namespace } } };
  });
}

/** A file that held manifests and is blank now is being written: editors truncate first. */
function emptiedFiles(filled: ReadonlySet<string>, sources: readonly SourceText[], previous: Project): Problem[] {
  return sources
    .filter((source) => previous.filled.has(source.file) && !filled.has(source.file) && source.text.trim() === '')
    .map((source) =>
      problem('error', 'the file is empty now', 'delete it to remove what it declared', { file: source.file }),
    );
}

/** A kind nobody knows may be a running object whose kind was mistyped: taking that for a removal would end it. */
function newlyRefused(compiled: Compiled, previous: Project): boolean {
  const before = new Set(previous.compiled.refused.map((one) => identity(one.object)));
  return compiled.refused.some((one) => !before.has(identity(one.object)));
}

/** Objects that take part in the running configuration, by identity. */
function runningObjects(previous: Project): ReadonlyMap<string, LoadedObject> {
  const outcomes = [...previous.compiled.servers, ...previous.compiled.hubOutcomes];
  const active = new Set(outcomes.filter((one) => one.active).map((one) => one.object));
  return new Map(previous.objects.filter((one) => active.has(one.object)).map((one) => [identity(one.object), one]));
}

function lookupIn(secrets: readonly NamedFile[]) {
  return (kind: 'Secret' | 'ConfigMap', namespace: string, name: string): Iterable<string> | undefined => {
    if (kind !== 'Secret' || namespace !== 'default') return undefined;
    return secrets.find((one) => one.name === name)?.entries.keys();
  };
}

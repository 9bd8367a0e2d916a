/**
 * What the manifests of each namespace mean: one compilation per namespace, kept until something it was made from changes.
 *
 * Changes are collected for a moment, and the longer a compilation takes the longer the next one waits, so that a thousand new servers cost a
 * handful of compilations and never more than a fifth of a processor. While referenced objects of a namespace are still to be read for the
 * first time, its last view stays.
 */
import { compile, createCompileMemo, type ManifestObject, type Validator } from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';

import type { KubeObject } from '../kube/index.ts';
import type { Companions } from './companions.ts';
import { referenceId } from './references.ts';
import type { NamespaceView } from './types.ts';

export interface ViewsDeps {
  readonly clock: Clock;
  readonly validate: () => Validator | undefined;
  readonly companions: Pick<Companions, 'known' | 'unreadable' | 'isPending'>;
  readonly notify: (kind: 'server' | 'hub', key: string, initial: boolean) => void;
  /** Milliseconds one compilation took. */
  readonly onCompiled: (ms: number) => void;
  /** A fault of ours: the last view stays. */
  readonly onFailed: (namespace: string, error: unknown) => void;
}

export interface NamespaceViews {
  get(namespace: string): NamespaceView | undefined;
  /** A server or hub as the cache has it; undefined: it is gone. */
  put(kind: 'McpServer' | 'McpHub', key: string, object: KubeObject | undefined): void;
  /** Something these objects refer to changed. */
  touch(namespace: string): void;
  /** From now on changes are compiled. Everything that is there is compiled at once. */
  begin(): void;
  /** Compilations that wait for their moment. */
  readonly waiting: number;
}

/** A change waits so long for others. */
const collectMs = 10;
/** Pause after a compilation, as a multiple of its time. */
const restFactor = 4;
const longestRestMs = 2_000;

interface Space {
  readonly objects: Map<string, ManifestObject>;
  view: NamespaceView | undefined;
  cancel: (() => void) | undefined;
  /** Monotonic: not compiled again before. */
  notBefore: number;
}

export function createNamespaceViews(deps: ViewsDeps): NamespaceViews {
  const { clock, companions } = deps;
  const spaces = new Map<string, Space>();
  const memo = createCompileMemo();
  let begun = false;
  let waiting = 0;

  const lookup = (kind: 'Secret' | 'ConfigMap', namespace: string, name: string): Iterable<string> | undefined =>
    companions.known(referenceId(kind, namespace, name))?.keys;
  const unreadable = (kind: 'Secret' | 'ConfigMap', namespace: string, name: string): string | undefined =>
    companions.unreadable(referenceId(kind, namespace, name));

  const recompile = (namespace: string, space: Space, initial: boolean): void => {
    // The last answer touches the namespace again.
    if (companions.isPending(namespace)) return;
    const started = clock.monotonic();
    const validate = deps.validate();
    const compiled = compile([...space.objects.values()], {
      lookup,
      unreadable,
      memo,
      ...(validate === undefined ? {} : { validate }),
    });
    const before = space.view;
    const view = createView(compiled);
    space.view = view;
    const tookMs = clock.monotonic() - started;
    space.notBefore = clock.monotonic() + Math.min(longestRestMs, tookMs * restFactor);
    deps.onCompiled(tookMs);
    tellChanges('server', before?.compiled.servers, compiled.servers, initial);
    tellChanges('hub', before?.compiled.hubOutcomes, compiled.hubOutcomes, initial);
    if (space.objects.size === 0) spaces.delete(namespace);
  };

  /** One namespace that cannot be understood must not take the others down. */
  const tryRecompile = (namespace: string, space: Space, initial: boolean): void => {
    try {
      recompile(namespace, space, initial);
    } catch (error) {
      deps.onFailed(namespace, error);
    }
  };

  const tellChanges = (
    kind: 'server' | 'hub',
    before: readonly { readonly key: string }[] = [],
    after: readonly { readonly key: string }[],
    initial: boolean,
  ): void => {
    const old = new Map(before.map((outcome) => [outcome.key, outcome]));
    for (const outcome of after) {
      if (old.get(outcome.key) !== outcome) deps.notify(kind, outcome.key, initial);
      old.delete(outcome.key);
    }
    for (const key of old.keys()) deps.notify(kind, key, initial);
  };

  const schedule = (namespace: string): void => {
    const space = spaces.get(namespace);
    if (!begun || space === undefined || space.cancel !== undefined) return;
    waiting += 1;
    space.cancel = clock.after(Math.max(collectMs, space.notBefore - clock.monotonic()), () => {
      waiting -= 1;
      space.cancel = undefined;
      tryRecompile(namespace, space, false);
    });
  };

  const spaceOf = (namespace: string): Space => {
    const known = spaces.get(namespace);
    if (known !== undefined) return known;
    const made: Space = { objects: new Map(), view: undefined, cancel: undefined, notBefore: 0 };
    spaces.set(namespace, made);
    return made;
  };

  return {
    get: (namespace) => spaces.get(namespace)?.view,
    put(kind, key, object) {
      const [namespace = '', name = ''] = key.split('/');
      const id = `${kind}/${name}`;
      // What is being deleted is offered to nobody any more.
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
        if (spaces.get(namespace)?.objects.delete(id) !== true) return;
      } else {
        const { objects } = spaceOf(namespace);
        const before = objects.get(id);
        if (before !== undefined && isSame(before, object)) return;
        objects.set(id, manifestOf(object));
      }
      schedule(namespace);
    },
    touch: schedule,
    begin() {
      begun = true;
      for (const [namespace, space] of spaces) tryRecompile(namespace, space, true);
    },
    get waiting() {
      return waiting;
    },
  };
}

function createView(compiled: NamespaceView['compiled']): NamespaceView {
  const servers = new Map(compiled.servers.map((outcome) => [outcome.name, outcome]));
  const hubs = new Map(compiled.hubOutcomes.map((outcome) => [outcome.name, outcome]));
  return { compiled, server: (name) => servers.get(name), hub: (name) => hubs.get(name) };
}

/** What a compilation sees of an object: not its status, which we write ourselves. */
function manifestOf({ apiVersion, kind, metadata, spec }: KubeObject): ManifestObject {
  const { name, namespace, labels, annotations, generation, uid } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(generation === undefined ? {} : { generation }),
      ...(uid === undefined ? {} : { uid }),
    },
    ...(spec === undefined ? {} : { spec }),
  };
}

/** The API server raises `generation` with every change of `spec`. */
function isSame(before: ManifestObject, { metadata }: KubeObject): boolean {
  const old = before.metadata;
  return (
    old.generation !== undefined &&
    old.generation === metadata.generation &&
    old.uid === metadata.uid &&
    sameRecord(old.labels, metadata.labels) &&
    sameRecord(old.annotations, metadata.annotations)
  );
}

function sameRecord(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** Directories of a server's Pod: its roots, and what the Pod itself needs. */
import type { RootConfig, ServerConfig } from '../hub-config/index.ts';
import { volumeName } from './names.ts';
import { podPaths, reservedPaths } from './pod-contract.ts';
import type { Json } from './types.ts';

export interface Mounted {
  readonly volumes: readonly Json[];
  readonly mounts: readonly Json[];
}

/** What a cluster cannot mount, in words; undefined when all can be. */
export function unmountable(roots: readonly RootConfig[]): string | undefined {
  const local = roots.filter((root) => root.directory !== undefined);
  if (local.length > 0)
    return `${names(local)}: a local directory exists on a laptop only; use claim or emptyDir in a cluster`;
  const taken = roots.filter((root) => reservedPaths.some((path) => overlaps(root.mountPath, path)));
  if (taken.length > 0)
    return `${names(taken)}: mountPath overlaps with ${reservedPaths.join(', ')}, which the Pod needs itself; choose another`;
  const paths = new Set(roots.map((root) => normal(root.mountPath)));
  return paths.size === roots.length ? undefined : 'two roots have the same mountPath; give each its own';
}

const names = (roots: readonly RootConfig[]): string => `root ${roots.map((root) => `"${root.name}"`).join(', ')}`;
const normal = (path: string): string => path.replaceAll('/./', '/').replace(/\/\.?$/, '');

function overlaps(one: string, other: string): boolean {
  const [a, b] = [`${normal(one)}/`, `${normal(other)}/`];
  return a.startsWith(b) || b.startsWith(a);
}

export function rootVolumes(roots: readonly RootConfig[]): Mounted {
  return {
    volumes: roots.map((root) => ({
      name: volumeName('root', root.name),
      ...(root.claim === undefined
        ? { emptyDir: {} }
        : { persistentVolumeClaim: { claimName: root.claim, ...onlyRead(root) } }),
    })),
    mounts: roots.map((root) => ({
      name: volumeName('root', root.name),
      mountPath: root.mountPath,
      ...onlyRead(root),
    })),
  };
}

/** The API server does not keep `false` here, and what it does not keep would be a difference to whoever compares on the server. */
function onlyRead({ readOnly }: RootConfig): Json {
  return readOnly ? { readOnly } : {};
}

/** A volume that only one node can write to keeps a new Pod elsewhere waiting for the old one: the old one has to go first. */
export function replacesBeforeStart({ roots }: ServerConfig): boolean {
  return roots.some((root) => root.claim !== undefined && !root.readOnly);
}

export function scratch(name: string, mountPath: string, sizeLimit: string): Mounted {
  return { volumes: [{ name, emptyDir: { sizeLimit } }], mounts: [{ name, mountPath }] };
}

export function tmp(sizeLimit: string): Mounted {
  return scratch('tmp', podPaths.tmp, sizeLimit);
}

/** Files of a Secret, readable for the Pod's group only. */
export function secretFiles(
  name: string,
  secretName: string,
  mountPath: string,
  items?: readonly { readonly key: string; readonly path: string }[],
): Mounted {
  const secret = { secretName, defaultMode: 0o440, ...(items === undefined ? {} : { items }) };
  return { volumes: [{ name, secret }], mounts: [{ name, mountPath, readOnly: true }] };
}

export function join(...parts: readonly Mounted[]): Mounted {
  return { volumes: parts.flatMap((part) => part.volumes), mounts: parts.flatMap((part) => part.mounts) };
}

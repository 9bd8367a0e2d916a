/** What is installed, and the key under which it is cached: everything that changes what ends up on disk is part of it. */
import { createHash } from 'node:crypto';

import type { ServerSource } from '@quaymaster/crds';

export type NpmSource = Extract<ServerSource, { kind: 'npm' }>;
export type PypiSource = Extract<ServerSource, { kind: 'pypi' }>;
export type PackageSource = NpmSource | PypiSource;

export interface Platform {
  readonly os: string;
  readonly arch: string;
  /** Native modules are built for one of them. */
  readonly nodeMajor: string;
}

/** Raised when the layout of an entry changes, so that older ones are installed anew. */
const layout = 1;

export function packageKey(source: PackageSource, platform: Platform): string {
  const about =
    source.kind === 'npm'
      ? // The expected checksum is part of it: a package that fails one server's expectation is no other server's failure.
        [layout, source.package, source.version, source.resolvedBefore ?? '', source.integrity ?? '', platform]
      : [
          layout,
          source.package,
          source.version,
          source.resolvedBefore ?? '',
          source.with,
          source.python ?? '',
          platform,
        ];
  return createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 32);
}

export function titleOf(source: PackageSource): string {
  return source.kind === 'npm' ? `${source.package}@${source.version}` : `${source.package}==${source.version}`;
}

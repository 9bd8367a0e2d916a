/** A package store in a folder of its own, with package managers that do what a test says; gone after each test of the file that calls it. */
import { readdirSync } from 'node:fs';
import path from 'node:path';

import { afterEach, beforeEach } from 'vitest';

import { ChildRegistry } from '../../bridge/index.ts';
import { type FakeTools, fakeTools, installs } from './fake-tools.ts';
import type { NpmSource } from './package-source.ts';
import { createPackageStore, type PackageStore, type PackageStoreOptions } from './package-store.ts';

export const source: NpmSource = { kind: 'npm', package: '@acme/server-x', version: '1.2.3', args: [] };

export interface StoreStage {
  tools: FakeTools;
  children: ChildRegistry;
  cache: string;
  open(more?: Partial<PackageStoreOptions>): PackageStore;
  /** Names in the cache of npm. */
  entries(): string[];
}

export function usePackageStore(): StoreStage {
  const stage = {
    open(more = {}) {
      const { cache: directory, tools, children } = stage;
      return createPackageStore({ directory, env: tools.env, children, nodePath: tools.nodePath, ...more });
    },
    entries: () => readdirSync(path.join(stage.cache, 'npm')),
  } as StoreStage;
  beforeEach(() => {
    stage.tools = fakeTools();
    stage.children = new ChildRegistry();
    stage.cache = path.join(stage.tools.folder, 'cache');
    stage.tools.npm(installs('./main.js', { 'main.js': '#!/usr/bin/env node\n' }));
  });
  afterEach(async () => {
    await stage.children.close(0);
    stage.tools.remove();
  });
  return stage;
}

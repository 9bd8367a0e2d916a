/**
 * One installation on real Pods, seen from outside: every kind of source, the troubles only a world can have, and that `qm render` prints what
 * the operator applies. In one file because a node comes up once.
 */
import type { Cluster } from '@quaymaster/cluster';
import { afterAll, beforeAll } from 'vitest';

import { startInstalled } from '../installed/index.ts';
import { type GatedMirror, startGatedMirror } from './gated-mirror.ts';
import { rendered } from './rendered.ts';
import { sources } from './sources.ts';
import { troubles } from './troubles.ts';

let cluster: Cluster;
let registry: GatedMirror;

beforeAll(async () => {
  const values = async ({ hostAddress }: Cluster): Promise<object> => {
    registry = await startGatedMirror(hostAddress);
    return { render: { mirrors: { npm: { url: registry.npm } } } };
  };
  cluster = await startInstalled({ name: 'on-pods', images: ['hub', 'operator', 'runner-npm'], values });
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

sources(() => cluster);
rendered(() => cluster);
troubles(
  () => cluster,
  () => registry,
);

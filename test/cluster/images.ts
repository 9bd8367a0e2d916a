/**
 * The images of this repository, built and brought into a cluster: what the operator's tests run is what would be released.
 *
 * Built as `make images` does, for amd64 only. Where Debian has replaced a pinned package meanwhile, tests take its present version.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

import type { Cluster } from './start-cluster.ts';

export type QuaymasterImage = 'hub' | 'operator' | 'runner-npm' | 'runner-pypi';

export interface BuiltImage {
  /** As Pods name it. */
  readonly reference: string;
  readonly archive: string;
  readonly digest: string;
}

export type QuaymasterImages = Readonly<Partial<Record<QuaymasterImage, BuiltImage>>>;

const root = resolve(import.meta.dirname, '../..');

/** Seconds when nothing changed, up to two minutes on a new machine. */
export async function buildImages(names: readonly QuaymasterImage[]): Promise<QuaymasterImages> {
  const args = [
    '--conditions=quaymaster-source',
    join(root, 'tools/images/main.ts'),
    '--arch=amd64',
    '--newer',
    '--json',
  ];
  const output = await nodeCommand([...args, ...names.map((name) => `--image=${name}`)]);
  const built = JSON.parse(output) as readonly (BuiltImage & { readonly name: QuaymasterImage })[];
  return Object.fromEntries(built.map((image) => [image.name, image]));
}

/** Builds them and loads them into the node; Pods use them with `imagePullPolicy: Never` or `IfNotPresent`. */
export async function loadImages(cluster: Cluster, names: readonly QuaymasterImage[]): Promise<QuaymasterImages> {
  const built = await buildImages(names);
  for (const name of names) {
    const image = built[name];
    if (image === undefined) throw new Error(`the image ${name} cannot be built yet`);
    await cluster.loadImage(image.archive);
  }
  return built;
}

function nodeCommand(args: readonly string[]): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(join(root, 'node_modules/.bin/node'), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-8_000)));
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) done(Buffer.concat(output).toString('utf8'));
      else fail(new Error(`building the images ended with ${code}:\n${said.trim()}`));
    });
  });
}

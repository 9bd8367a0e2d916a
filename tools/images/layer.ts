/**
 * A layer: one file tree, packed. Kept in the cache under a key of all that decides its content, so an unchanged layer costs nothing.
 *
 * The digest of the tar (`diffId`) is the same on every machine. That of the compressed layer is, too, where the same zlib packs it: images are
 * built by the Node that the repository pins.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { sha256 } from './pins.ts';
import { cacheFolder, withScratch } from './places.ts';
import { tarOf } from './tar.ts';
import type { Tree } from './tree.ts';

export interface LayerPlan {
  /** Which part of an image it is: `base`, `hub`... */
  readonly name: string;
  /** Everything that decides its content. */
  readonly inputs: readonly string[];
  readonly tree: () => Tree;
}

export interface Layer {
  readonly name: string;
  /** Of the plain tar. */
  readonly diffId: string;
  /** Of the compressed layer. */
  readonly digest: string;
  readonly size: number;
  readonly plainSize: number;
  readonly file: string;
}

const chunk = 64 * 1024;

export async function makeLayer({ name, inputs, tree }: LayerPlan, folder = cacheFolder('layers')): Promise<Layer> {
  const key = sha256(JSON.stringify([name, process.versions.zlib, ...inputs]));
  const record = join(folder, `${key}.json`);
  if (existsSync(record)) {
    const known = { name, ...(JSON.parse(readFileSync(record, 'utf8')) as Omit<Layer, 'name' | 'file'>) };
    const file = join(folder, `${known.digest.slice(7)}.tar.gz`);
    if (existsSync(file)) return { ...known, file };
  }
  return withScratch(async (scratch) => {
    const plain = createHash('sha256');
    const packed = createHash('sha256');
    let plainSize = 0;
    let size = 0;
    const part = join(scratch, 'layer');
    await pipeline(
      Readable.from(evenChunks(tree())),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const each of chunks) {
          plain.update(each);
          plainSize += each.length;
          yield each;
        }
      },
      createGzip({ level: 6 }),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const each of chunks) {
          packed.update(each);
          size += each.length;
          yield each;
        }
      },
      createWriteStream(part),
    );
    const digest = `sha256:${packed.digest('hex')}`;
    const file = join(folder, `${digest.slice(7)}.tar.gz`);
    renameSync(part, file);
    const known = { diffId: `sha256:${plain.digest('hex')}`, digest, size, plainSize };
    writeFileSync(`${part}.json`, JSON.stringify(known));
    renameSync(`${part}.json`, record);
    return { name, ...known, file };
  });
}

/** The compressor sees the same pieces whatever the files were read like. */
function* evenChunks(tree: Tree): Generator<Buffer> {
  for (const piece of tarOf(tree))
    for (let at = 0; at < piece.length; at += chunk) yield piece.subarray(at, at + chunk);
}

export function layerStream(layer: Layer): Readable {
  return createReadStream(layer.file);
}

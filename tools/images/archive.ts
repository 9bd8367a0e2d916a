/**
 * One image in one file: an OCI layout that `docker load` reads as well, through the `manifest.json` beside it.
 *
 * Blobs come in the order of their use; all numbers that depend on time or place are zero.
 */
import { createWriteStream, renameSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { type ImageSpec, user } from './images.ts';
import { type Layer, layerStream } from './layer.ts';
import { type Architecture, sha256 } from './pins.ts';
import { end, fileHeader, fileMember, padding } from './tar.ts';

export interface Image {
  /** Of the manifest: what a registry serves it under. */
  readonly digest: string;
  readonly config: string;
  readonly manifest: string;
  readonly layers: readonly Layer[];
  readonly architecture: Architecture;
}

const media = 'application/vnd.oci.image';
/** There is no time at which a reproducible image was made. */
const created = '1970-01-01T00:00:00Z';

export function assemble(
  spec: ImageSpec,
  layers: readonly Layer[],
  architecture: Architecture,
  version: string,
): Image {
  const config = JSON.stringify({
    created,
    architecture,
    os: 'linux',
    config: {
      User: user,
      Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
      Entrypoint: spec.entrypoint,
      WorkingDir: '/',
      Labels: labels(spec, version),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ name }) => ({ created, created_by: `COPY ${name} /` })),
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config: { mediaType: `${media}.config.v1+json`, digest: digestOf(config), size: Buffer.byteLength(config) },
    layers: layers.map(({ digest, size }) => ({ mediaType: `${media}.layer.v1.tar+gzip`, digest, size })),
  });
  return { digest: digestOf(manifest), config, manifest, layers, architecture };
}

export function labels(spec: ImageSpec, version: string): Readonly<Record<string, string>> {
  return {
    'org.opencontainers.image.title': spec.title,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'Apache-2.0',
  };
}

/** `name` is written as it is and, for container runtimes, in the long form under which they keep it. */
export async function writeArchive(image: Image, name: string, file: string): Promise<void> {
  const tag = name.slice(name.lastIndexOf(':') + 1);
  const blob = (digest: string): string => `blobs/sha256/${digest.slice(7)}`;
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${media}.index.v1+json`,
    manifests: [
      {
        mediaType: `${media}.manifest.v1+json`,
        digest: image.digest,
        size: Buffer.byteLength(image.manifest),
        platform: { architecture: image.architecture, os: 'linux' },
        annotations: { 'io.containerd.image.name': longName(name), 'org.opencontainers.image.ref.name': tag },
      },
    ],
  });
  const listing = JSON.stringify([
    { Config: blob(digestOf(image.config)), RepoTags: [name], Layers: image.layers.map(({ digest }) => blob(digest)) },
  ]);
  const small = (path: string, text: string): Iterable<Buffer> => fileMember(path, 0o644, Buffer.from(text, 'utf8'));
  async function* pieces(): AsyncGenerator<Buffer> {
    yield* small('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
    yield* small('index.json', index);
    yield* small('manifest.json', listing);
    yield* small(blob(image.digest), image.manifest);
    yield* small(blob(digestOf(image.config)), image.config);
    for (const layer of image.layers) {
      yield fileHeader(blob(layer.digest), layer.size);
      yield* layerStream(layer) as AsyncIterable<Buffer>;
      yield padding(layer.size);
    }
    yield end();
  }
  await pipeline(Readable.from(pieces()), createWriteStream(`${file}.part`));
  renameSync(`${file}.part`, file);
}

/** A name without a host means the default one to every container runtime; archives have to spell it out. */
function longName(name: string): string {
  const first = name.split('/')[0] ?? '';
  return /[.:]/.test(first) ? name : `docker.io/${name}`;
}

export function digestOf(text: string): string {
  return `sha256:${sha256(text)}`;
}

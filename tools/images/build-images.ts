/** From pins and sources to archives: fetch, bundle, pack layers, assemble. What is there already and unchanged is not made again. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { bundle, bundleOperator } from '../bundle.ts';
import { root } from '../support/run.ts';
import { assemble, writeArchive } from './archive.ts';
import { fetchSources, type Sources } from './fetch.ts';
import { type ImageName, images, type LayerName, reference } from './images.ts';
import { type Layer, type LayerPlan, makeLayer } from './layer.ts';
import { type Architecture, readPins } from './pins.ts';
import { withScratch } from './places.ts';
import { allPackages, basePackages } from './recipe-packages.ts';
import { hostArchitecture, pythonBytecode } from './python-bytecode.ts';
import { baseLayer, hubLayer, npmLayer, operatorLayer, pythonLayer, shellLayer } from './recipes.ts';
import { writeTree } from './write-tree.ts';

export interface BuildOptions {
  readonly names: readonly ImageName[];
  readonly architectures: readonly Architecture[];
  readonly out: string;
  /** Where a pinned Debian version is gone, take the present one: for tests only. */
  readonly newer: boolean;
  /** Also write the file trees that the Dockerfiles copy. */
  readonly roots: boolean;
  /** Where packed layers are kept, when not in the cache. */
  readonly layers?: string;
  readonly say: (line: string) => void;
}

export interface BuiltImage {
  readonly name: ImageName;
  readonly reference: string;
  readonly architecture: Architecture;
  readonly digest: string;
  /** Compressed, as a registry counts it. */
  readonly bytes: number;
  readonly plainBytes: number;
  readonly layers: readonly {
    readonly name: string;
    readonly digest: string;
    readonly diffId: string;
    readonly bytes: number;
  }[];
  readonly archive: string;
}

export async function buildImages(options: BuildOptions): Promise<readonly BuiltImage[]> {
  const { names, architectures, out } = options;
  const version = imageVersion();
  const layerNames = new Set(names.flatMap((name) => images[name].layers));
  mkdirSync(out, { recursive: true });
  const host = hostArchitecture();
  return withScratch(async (scratch) => {
    const packaged = layerNames.has('shell') || layerNames.has('python');
    const wanted = {
      debian: packaged ? allPackages : basePackages,
      npm: layerNames.has('npm') ? ['npm'] : [],
      pypi: layerNames.has('python') ? ['uv'] : [],
    };
    const [sources] = await Promise.all([
      fetchSources(readPins(), wanted, { ...options, architectures: [...new Set([...architectures, host])] }),
      layerNames.has('hub') ? bundle({ write: true, outdir: join(scratch, 'hub') }) : undefined,
      layerNames.has('operator') ? bundleOperator({ write: true, outdir: join(scratch, 'operator') }) : undefined,
    ]);
    const plans = async (architecture: Architecture): Promise<ReadonlyMap<LayerName, LayerPlan>> => {
      const own = sources[architecture];
      const planned = new Map<LayerName, LayerPlan>();
      for (const name of layerNames)
        if (name === 'python')
          planned.set(name, pythonLayer(own, architecture, await pythonBytecode(own, sources[host], host)));
        else planned.set(name, planOf(name, own, architecture, scratch, version));
      return planned;
    };
    const layers = once((plan) => makeLayer(plan, options.layers));
    const built: BuiltImage[] = [];
    for (const architecture of architectures) {
      const planned = await plans(architecture);
      for (const name of names) {
        const own = images[name].layers.map((each) => planned.get(each)).filter((plan) => plan !== undefined);
        const made = await Promise.all(own.map(layers));
        built.push(await finish(name, architecture, made, version, out));
        if (options.roots)
          for (const plan of own) writeTree(plan.tree(), join(out, 'roots', `${name}-${architecture}`, plan.name));
      }
    }
    return built;
  });
}

/** One version for everything that is released together. */
export function imageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(root, 'hub-runtime/package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

function planOf(
  name: Exclude<LayerName, 'python'>,
  sources: Sources,
  architecture: Architecture,
  bundled: string,
  version: string,
): LayerPlan {
  switch (name) {
    case 'base':
      return baseLayer(sources, architecture);
    case 'shell':
      return shellLayer(sources);
    case 'npm':
      return npmLayer(sources);
    case 'hub':
      return hubLayer(join(bundled, 'hub'), version);
    case 'operator':
      return operatorLayer(join(bundled, 'operator'), version);
  }
}

/** The same layer of two images or architectures is packed once. */
function once(make: (plan: LayerPlan) => Promise<Layer>): (plan: LayerPlan) => Promise<Layer> {
  const made = new Map<string, Promise<Layer>>();
  return (plan) => {
    const key = JSON.stringify([plan.name, plan.inputs]);
    const layer = made.get(key) ?? make(plan);
    made.set(key, layer);
    return layer;
  };
}

async function finish(
  name: ImageName,
  architecture: Architecture,
  layers: readonly Layer[],
  version: string,
  out: string,
): Promise<BuiltImage> {
  const image = assemble(images[name], layers, architecture, version);
  const archive = join(out, `${name}-${architecture}.tar`);
  const named = reference(name, version);
  const built: BuiltImage = {
    name,
    reference: named,
    architecture,
    digest: image.digest,
    bytes: layers.reduce((sum, { size }) => sum + size, 0),
    plainBytes: layers.reduce((sum, { plainSize }) => sum + plainSize, 0),
    layers: layers.map((layer) => ({
      name: layer.name,
      digest: layer.digest,
      diffId: layer.diffId,
      bytes: layer.size,
    })),
    archive,
  };
  const note = join(out, `${name}-${architecture}.json`);
  const text = JSON.stringify({ ...built, archive: `${name}-${architecture}.tar` }, null, 2) + '\n';
  const there = existsSync(archive) && statSync(archive).size > built.bytes && existsSync(note);
  if (there && readFileSync(note, 'utf8') === text) return built;
  await writeArchive(image, named, archive);
  writeFileSync(note, text);
  return built;
}

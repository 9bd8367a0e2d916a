/**
 * The images as they are made: for both architectures, whole, small enough, the same twice. Nothing of them runs here; that is for a node
 * (`test/images`). The second build packs every layer anew, from the same unpacked packages.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { root } from '../support/run.ts';
import { type BuiltImage, buildImages } from './build-images.ts';
import { readElf } from './elf.ts';
import { imageNames, images } from './images.ts';
import { architectures } from './pins.ts';
import { readTar, type TarMember } from './read-tar.ts';
import { platforms } from './recipes.ts';
import { type Entry, lookUp, type Tree } from './tree.ts';

interface Budgets {
  readonly imageBytes: Readonly<Record<string, number>>;
}
const budgets = JSON.parse(readFileSync(join(root, 'tools/budgets.json'), 'utf8')) as Budgets;

let folder: string;
let built: readonly BuiltImage[];
let again: readonly BuiltImage[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qm-images-'));
  const all = { names: imageNames, architectures, newer: true, roots: false, say: (line: string) => console.log(line) };
  built = await buildImages({ ...all, out: join(folder, 'one') });
  again = await buildImages({ ...all, out: join(folder, 'two'), layers: folder });
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const imageOf = (name: string, architecture: string): BuiltImage =>
  built.find((each) => each.name === name && each.architecture === architecture) as BuiltImage;

interface Opened {
  readonly config: { readonly architecture: string; readonly config: Record<string, unknown> };
  readonly tree: Tree & { readonly content: ReadonlyMap<string, Buffer> };
}

/** From the finished archive, layer upon layer. */
function open({ archive }: BuiltImage): Opened {
  const members = new Map([...readTar(readFileSync(archive))].map((member) => [member.name, member.content]));
  const read = (name: string): Buffer => members.get(name) ?? Buffer.alloc(0);
  const [listing] = JSON.parse(read('manifest.json').toString('utf8')) as [{ Config: string; Layers: string[] }];
  const entries = new Map<string, Entry>();
  const content = new Map<string, Buffer>();
  for (const layer of listing.Layers)
    for (const member of readTar(gunzipSync(read(layer)))) {
      const name = member.name.replace(/\/$/, '');
      entries.set(name, entryOf(member));
      if (member.kind === 'file') content.set(name, member.content);
    }
  return { config: JSON.parse(read(listing.Config).toString('utf8')) as Opened['config'], tree: { entries, content } };
}

function entryOf({ kind, mode, target, content }: TarMember): Entry {
  if (kind === 'directory') return { kind, mode };
  return kind === 'link' ? { kind, target } : { kind, mode, content: () => content };
}

test('EF-53 two builds give equal digests', () => {
  const parts = (all: readonly BuiltImage[]): string[] =>
    all.flatMap((image) =>
      image.layers.map((layer) => `${image.name} ${image.architecture} ${layer.name} ${layer.digest}`),
    );
  expect(parts(again)).toEqual(parts(built));
  expect(again.map(({ digest }) => digest)).toEqual(built.map(({ digest }) => digest));
  expect(new Set(built.map(({ digest }) => digest)).size).toBe(imageNames.length * architectures.length);
});

test('EF-53 HS-02 every image stays within its size', () => {
  expect(Object.keys(budgets.imageBytes).toSorted()).toEqual([...imageNames].toSorted());
  const over = built.filter(({ name, bytes }) => bytes > (budgets.imageBytes[name] ?? 0));
  expect(over.map(({ name, architecture, bytes }) => `${name} ${architecture}: ${bytes}`)).toEqual([]);
  expect(budgets.imageBytes['hub']).toBeLessThan(120_000_000);
});

test('what does not depend on the processor is one layer for both', () => {
  for (const name of imageNames) {
    const [one, other] = architectures.map((architecture) => imageOf(name, architecture).layers);
    const same = (one ?? [])
      .filter((layer, index) => layer.digest === other?.[index]?.digest)
      .map((layer) => layer.name);
    expect(same).toEqual(images[name].layers.filter((layer) => ['hub', 'operator', 'npm'].includes(layer)));
  }
});

describe.each(imageNames.flatMap((name) => architectures.map((architecture) => ({ name, architecture }))))(
  '$name for $architecture',
  ({ name, architecture }) => {
    let image: Opened;
    beforeAll(() => {
      image = open(imageOf(name, architecture));
    });

    test('EF-53 it is for that processor, runs as nobody, and what it starts is there', () => {
      expect(image.config.architecture).toBe(architecture);
      expect(image.config.config['User']).toBe('65532:65532');
      const [program, ...args] = image.config.config['Entrypoint'] as readonly string[];
      for (const file of [program ?? '', args.at(-1) ?? '']) expect(lookUp(image.tree, file)?.entry.kind).toBe('file');
    });

    test('EF-53 every program and library is for that processor, and finds its loader and all it needs', () => {
      const { triplet, loader } = platforms[architecture];
      const places = [`lib/${triplet}`, `usr/lib/${triplet}`];
      const problems: string[] = [];
      let seen = 0;
      for (const [path, bytes] of image.tree.content) {
        const elf = readElf(bytes);
        if (elf === undefined) continue;
        seen += 1;
        if (elf.machine !== architecture) problems.push(`${path} is for ${elf.machine}`);
        if (elf.interpreter !== undefined && elf.interpreter !== loader)
          problems.push(`${path} wants ${elf.interpreter}`);
        if (elf.interpreter !== undefined && lookUp(image.tree, elf.interpreter) === undefined)
          problems.push(`${path}: its loader ${elf.interpreter} is missing`);
        for (const library of elf.needed) {
          const isLoader = loader.endsWith(`/${library}`);
          const found = isLoader || places.some((place) => lookUp(image.tree, `${place}/${library}`) !== undefined);
          if (!found) problems.push(`${path} needs ${library}`);
        }
      }
      expect(problems).toEqual([]);
      expect(seen).toBeGreaterThan(8);
    });

    test('HS-16 every module of the program finds the modules it imports', () => {
      const missing: string[] = [];
      for (const [path, bytes] of image.tree.content) {
        if (!/^quaymaster\/(?:[^/]+|chunks\/[^/]+)\.js$/.test(path)) continue;
        for (const [, target] of bytes.toString('utf8').matchAll(/(?:from|import|import\()\s*"(\.{1,2}\/[^"]+\.js)"/g))
          if (lookUp(image.tree, join(dirname(path), target ?? '')) === undefined) missing.push(`${path}: ${target}`);
      }
      expect(missing).toEqual([]);
    });

    test('no link leads nowhere, and nothing is writable but the place for temporary files', () => {
      const broken: string[] = [];
      const open_: string[] = [];
      for (const [path, entry] of image.tree.entries) {
        const target = entry.kind === 'link' ? entry.target : undefined;
        const from = target?.startsWith('/') === true ? target : join(dirname(path), target ?? '');
        if (target !== undefined && lookUp(image.tree, from) === undefined) broken.push(`${path} -> ${target}`);
        if (entry.kind !== 'link' && (entry.mode & 0o022) !== 0) open_.push(path);
        if (entry.kind !== 'link' && (entry.mode & 0o6000) !== 0) open_.push(`${path} (setuid)`);
      }
      expect(broken).toEqual([]);
      expect(open_).toEqual(['tmp']);
    });

    test('EF-53 a shell and package managers are only where packages are installed', () => {
      const runner = name.startsWith('runner-');
      expect(lookUp(image.tree, '/bin/sh') !== undefined).toBe(runner);
      const tools = [...image.tree.entries.keys()].filter((path) =>
        /(^|\/)(npm|npx|uv|pip|apt|dpkg|busybox|sh|bash|env)$/.test(path),
      );
      if (!runner) expect(tools).toEqual([]);
      else expect(tools.some((path) => path.endsWith(name === 'runner-npm' ? 'bin/npm' : 'bin/uv'))).toBe(true);
    });
  },
);

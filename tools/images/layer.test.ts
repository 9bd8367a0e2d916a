import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { assemble, digestOf, writeArchive } from './archive.ts';
import { images } from './images.ts';
import { type LayerPlan, makeLayer } from './layer.ts';
import { sha256 } from './pins.ts';
import { readTar } from './read-tar.ts';
import { TreeBuilder } from './tree.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qm-layer-'));
  for (const name of ['one', 'two']) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true }));

function plan(text: string, inputs: readonly string[] = [text]): LayerPlan & { made: number } {
  const self = {
    name: 'base',
    inputs,
    made: 0,
    tree: () => {
      self.made += 1;
      return new TreeBuilder().text('a', text.repeat(100_000)).directory('tmp', 0o1777);
    },
  };
  return self;
}

test('EF-53 two builds in different places give equal digests; other content gives others', async () => {
  const [one, two, other] = [
    await makeLayer(plan('same '), join(folder, 'one')),
    await makeLayer(plan('same '), join(folder, 'two')),
    await makeLayer(plan('more '), join(folder, 'two')),
  ];
  expect([two.digest, two.diffId, two.size]).toEqual([one.digest, one.diffId, one.size]);
  expect(other.digest).not.toBe(one.digest);
  const packed = readFileSync(one.file);
  expect(`sha256:${sha256(packed)}`).toBe(one.digest);
  expect(`sha256:${sha256(gunzipSync(packed))}`).toBe(one.diffId);
  expect(packed.length).toBe(one.size);
});

test('an unchanged layer is not made again, a changed one is', async () => {
  const place = join(folder, 'one');
  const first = plan('x');
  const again = plan('x');
  const changed = plan('x', ['x', 'another recipe']);
  await makeLayer(first, place);
  await makeLayer(again, place);
  await makeLayer(changed, place);
  expect([first.made, again.made, changed.made]).toEqual([1, 0, 1]);
});

test('EF-53 an archive is an OCI layout and what docker load reads, and every digest in it is right', async () => {
  const layer = await makeLayer(plan('x'), join(folder, 'one'));
  const image = assemble(images.hub, [layer], 'arm64', '1.2.3');
  const file = join(folder, 'hub.tar');
  await writeArchive(image, 'quaymaster/hub:1.2.3', file);
  const members = new Map([...readTar(readFileSync(file))].map(({ name, content }) => [name, content]));
  const json = (name: string): unknown => JSON.parse(members.get(name)?.toString('utf8') ?? 'null');
  for (const [name, content] of members)
    if (name.startsWith('blobs/sha256/')) expect(name.slice('blobs/sha256/'.length)).toBe(sha256(content));
  const { manifests } = json('index.json') as {
    manifests: [{ digest: string; platform: unknown; annotations: unknown }];
  };
  expect(manifests[0]).toMatchObject({ digest: image.digest, platform: { architecture: 'arm64', os: 'linux' } });
  const manifest = json(`blobs/sha256/${image.digest.slice(7)}`) as {
    config: { digest: string };
    layers: [{ digest: string }];
  };
  expect(manifest.layers[0].digest).toBe(layer.digest);
  expect(manifest.config.digest).toBe(digestOf(image.config));
  expect(json('manifest.json')).toEqual([
    {
      Config: `blobs/sha256/${manifest.config.digest.slice(7)}`,
      RepoTags: ['quaymaster/hub:1.2.3'],
      Layers: [`blobs/sha256/${layer.digest.slice(7)}`],
    },
  ]);
  expect(JSON.parse(image.config)).toMatchObject({
    architecture: 'arm64',
    config: { User: '65532:65532', Entrypoint: images.hub.entrypoint },
    rootfs: { diff_ids: [layer.diffId] },
  });
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
});

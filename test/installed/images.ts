/** Our images as this checkout makes them, and the image of the kit's servers. Built once per content; loading takes seconds. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Cluster } from '@quaymaster/cluster';

import { writeKitPrograms } from '../parity/kit-programs.ts';
import { kitImage } from '../parity/world.ts';

const root = join(import.meta.dirname, '../..');
const lib = join(root, 'test/cluster/lib');

export type OwnImage = 'hub' | 'operator' | 'runner-npm' | 'runner-pypi';

interface Built {
  readonly name: OwnImage;
  readonly archive: string;
}

export async function loadOwnImages(cluster: Cluster, names: readonly OwnImage[]): Promise<void> {
  node('tools/build.ts');
  const wanted = names.flatMap((name) => ['--image', name]);
  const built = JSON.parse(node('tools/images/main.ts', '--arch', 'amd64', '--json', ...wanted)) as readonly Built[];
  for (const { archive } of built) await cluster.loadImage(archive);
}

/** Node at /usr/local/bin, the kit's programs beside it, and nothing else: no shell. */
export async function loadKitImage(cluster: Cluster, name = kitImage): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'qm-kit-image-'));
  try {
    const layer = join(folder, 'layer');
    mkdirSync(layer);
    await writeKitPrograms(join(layer, 'usr/local/bin'), '/usr/local/bin/node');
    const runtime = execFileSync(join(lib, 'node-layer.sh'), { encoding: 'utf8' }).trim();
    const archive = join(folder, 'kit.tar');
    const words = ['-o', archive, '-n', name, '-l', runtime, '-l', layer, '--', '/usr/local/bin/kit-http'];
    execFileSync(join(lib, 'oci-image.sh'), words);
    await cluster.loadImage(archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function node(script: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, ['--conditions=quaymaster-source', script, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

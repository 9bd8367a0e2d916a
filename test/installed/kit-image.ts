/** The image of the kit's servers, so that one manifest runs them on PATH and in Pods. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Cluster } from '@quaymaster/cluster';

import { writeKitPrograms } from '../parity/kit-programs.ts';
import { kitImage } from '../parity/world.ts';

const lib = join(import.meta.dirname, '../cluster/lib');

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

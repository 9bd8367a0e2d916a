/** The smoke test's image: Node.js and one small server, written without any image builder. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;
export const webImage = 'quaymaster.local/web:1';

/** Path of the archive, in a folder of its own that the caller removes. */
export function writeWebImage(): { archive: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'qm-web-'));
  mkdirSync(join(folder, 'layer/app'), { recursive: true });
  cpSync(join(here, 'images/web/server.mjs'), join(folder, 'layer/app/server.mjs'));
  const node = execFileSync(join(here, 'lib/node-layer.sh'), { encoding: 'utf8' }).trim();
  const archive = join(folder, 'web.tar');
  const options = ['-o', archive, '-n', webImage, '-w', '/app', '-l', node, '-l', join(folder, 'layer')];
  execFileSync(join(here, 'lib/oci-image.sh'), [...options, '--', '/usr/local/bin/node', '/app/server.mjs']);
  return { archive, folder };
}

/** The version of this package: written into the bundle, read from package.json beside the sources. */
import { readFileSync } from 'node:fs';

export const version: string = process.env.QUAYMASTER_VERSION ?? fromPackage();

function fromPackage(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** `make images-pins`: writes `pins.json` anew from what the registries have today. What changed is for a person to look at. */
import { readFileSync, writeFileSync } from 'node:fs';

import { run } from '../support/run.ts';
import { openApt } from './apt.ts';
import { downloadWheel } from './fetch.ts';
import { architectures, type DebianPin, type Pins, pinsFile, readPins, sha256 } from './pins.ts';
import { withScratch } from './places.ts';
import { allPackages } from './recipe-packages.ts';

const before = readPins();
const after: Pins = {
  debian: { suite: before.debian.suite, packages: await debianPins(before.debian.suite) },
  npm: await eachOf(before.npm, async (name, { version }) => ({
    version,
    integrity: await integrityOf(name, version),
  })),
  pypi: await eachOf(before.pypi, async (name, { version }) => ({ version, sha256: await wheelSums(name, version) })),
};
writeFileSync(pinsFile, `${JSON.stringify(after, null, 2)}\n`);
await run('oxfmt', [pinsFile]);
console.log('wrote tools/images/pins.json; versions from npm and PyPI are raised there by hand, then run this again');

async function debianPins(suite: string): Promise<Record<string, DebianPin>> {
  const offers = await withScratch(async (folder) => (await openApt(suite, folder)).offers(allPackages));
  const pins: Record<string, DebianPin> = {};
  for (const name of allPackages) {
    const [amd64, arm64] = architectures.map((each) =>
      offers.find((offer) => offer.name === name && offer.architecture === each),
    );
    if (amd64 === undefined || arm64 === undefined)
      throw new Error(`Debian ${suite} lacks ${name} for one architecture`);
    if (amd64.version !== arm64.version) throw new Error(`${name}: ${amd64.version} is not yet built for arm64`);
    pins[name] = { version: amd64.version, sha256: { amd64: amd64.sha256, arm64: arm64.sha256 } };
  }
  return pins;
}

async function integrityOf(name: string, version: string): Promise<string> {
  const ran = await run('npm', ['view', '--silent', '--json', `${name}@${version}`, 'dist.integrity']);
  const integrity = /sha512-[A-Za-z0-9+/=]+/.exec(ran.output)?.[0];
  if (integrity === undefined) throw new Error(`npm knows no ${name}@${version}: ${ran.output.trim()}`);
  return integrity;
}

async function wheelSums(name: string, version: string): Promise<{ amd64: string; arm64: string }> {
  const [amd64, arm64] = await Promise.all(
    architectures.map((each) =>
      withScratch(async (folder) => sha256(readFileSync(await downloadWheel(name, version, each, folder)))),
    ),
  );
  return { amd64: amd64 ?? '', arm64: arm64 ?? '' };
}

async function eachOf<T>(
  pins: Readonly<Record<string, T>>,
  renew: (name: string, pin: T) => Promise<T>,
): Promise<Record<string, T>> {
  const renewed: Record<string, T> = {};
  for (const [name, pin] of Object.entries(pins)) renewed[name] = await renew(name, pin);
  return renewed;
}

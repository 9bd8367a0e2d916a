/**
 * Everything that images are made of, as unpacked folders in the cache: fetched once through apt, npm and pip, checked against its pin, unpacked.
 *
 * A build with a warm cache asks no registry. A Debian version that the archive has replaced meanwhile is an error that says what to do; only
 * builds for tests (`newer`) take the archive's present version instead, and say so.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from '../support/run.ts';
import { type Apt, type DebianOffer, openApt } from './apt.ts';
import { chooseVersions, inWords } from './choose-versions.ts';
import {
  type Architecture,
  lockedPackage,
  matchesIntegrity,
  nodePackages,
  type NpmPin,
  type Pins,
  sha256,
  wheelPlatforms,
} from './pins.ts';
import { cacheFolder, withScratch } from './places.ts';

export interface Source {
  /** Changes whenever the content may. */
  readonly key: string;
  /** Where it is unpacked. */
  readonly folder: string;
}

export interface Sources {
  debian(name: string): Source;
  node(): Source;
  npm(name: string): Source;
  pypi(name: string): Source;
}

export interface Wanted {
  readonly debian: readonly string[];
  readonly npm: readonly string[];
  readonly pypi: readonly string[];
}

export interface FetchOptions {
  readonly architectures: readonly Architecture[];
  readonly newer: boolean;
  readonly say: (line: string) => void;
}

export async function fetchSources(
  pins: Pins,
  wanted: Wanted,
  options: FetchOptions,
): Promise<Readonly<Record<Architecture, Sources>>> {
  const debs = await debianPackages(pins, wanted.debian, options);
  const found = new Map<string, Source>();
  for (const architecture of options.architectures) {
    for (const name of wanted.debian) found.set(`${architecture} debian ${name}`, await debs(name, architecture));
    const node = nodePackages[architecture];
    found.set(`${architecture} node`, await npmPackage(node, lockedPackage(node), options));
    for (const name of wanted.npm)
      found.set(`${architecture} npm ${name}`, await npmPackage(name, pinned(pins.npm, name), options));
    for (const name of wanted.pypi)
      found.set(`${architecture} pypi ${name}`, await pypiPackage(name, pins, architecture, options));
  }
  const of = (architecture: Architecture): Sources => {
    const get = (what: string): Source => pinned(Object.fromEntries(found), `${architecture} ${what}`);
    return {
      debian: (name) => get(`debian ${name}`),
      node: () => get('node'),
      npm: (name) => get(`npm ${name}`),
      pypi: (name) => get(`pypi ${name}`),
    };
  };
  return { amd64: of('amd64'), arm64: of('arm64') };
}

function pinned<T>(pins: Readonly<Record<string, T>>, name: string): T {
  const pin = pins[name];
  if (pin === undefined) throw new Error(`tools/images/pins.json does not pin ${name}: run make images-pins`);
  return pin;
}

type DebianSources = (name: string, architecture: Architecture) => Promise<Source>;

async function debianPackages(pins: Pins, names: readonly string[], options: FetchOptions): Promise<DebianSources> {
  const { suite, packages } = pins.debian;
  const asPinned = options.architectures.flatMap((architecture) =>
    names.map((name): DebianOffer => {
      const { version, sha256: sums } = pinned(packages, name);
      return { name, architecture, version, sha256: sums[architecture] };
    }),
  );
  const lacking = (all: readonly DebianOffer[]): readonly DebianOffer[] =>
    all.filter((each) => !existsSync(debFile(each)));
  let wanted = options.newer ? asPinned.map((each) => substituteOf(pins, each)) : asPinned;
  if (lacking(wanted).length > 0)
    await withScratch(async (folder) => {
      options.say(`fetching ${lacking(wanted).length} packages of Debian ${suite}`);
      const apt = await openApt(suite, folder);
      const there = wanted.filter((each) => existsSync(debFile(each)));
      const chosen = chooseVersions(lacking(wanted), await apt.offers(names), suite, options.newer);
      if (chosen.replaced.length > 0) {
        options.say(
          `Debian has replaced ${inWords(chosen.replaced)}: these images, for tests only, have its present version`,
        );
        for (const each of chosen.wanted) noteSubstitute(pins, each);
      }
      wanted = [...there, ...chosen.wanted];
      await download(lacking(wanted), apt);
    });
  return (name, architecture) => {
    const want = wanted.find((each) => each.name === name && each.architecture === architecture);
    if (want === undefined) throw new Error(`${name} was not fetched for ${architecture}`);
    return unpacked(`deb-${want.sha256}`, async (into) => {
      const ran = await run('dpkg-deb', ['--extract', debFile(want), into]);
      if (ran.code !== 0) throw new Error(`dpkg-deb failed on ${name}: ${ran.output}`);
    });
  };
}

const debFile = ({ sha256: digest }: DebianOffer): string => join(cacheFolder('fetched'), `${digest}.deb`);

/** Substitutes are remembered for these pins, so that the next build for tests asks nobody. */
function substituteFile(pins: Pins, { name, architecture }: DebianOffer): string {
  return join(cacheFolder('newer', sha256(JSON.stringify(pins.debian)).slice(0, 16)), `${name}-${architecture}.json`);
}

function substituteOf(pins: Pins, want: DebianOffer): DebianOffer {
  const file = substituteFile(pins, want);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DebianOffer) : want;
}

function noteSubstitute(pins: Pins, offer: DebianOffer): void {
  writeFileSync(substituteFile(pins, offer), JSON.stringify(offer));
}

/** Packages that are the same for all architectures come as one file; apt knows them under the first one only. */
async function download(wanted: readonly DebianOffer[], apt: Apt): Promise<void> {
  const distinct = wanted.filter((each, index) => wanted.findIndex((other) => other.sha256 === each.sha256) === index);
  await withScratch(async (folder) => {
    await apt.download(distinct, folder);
    const came = new Map(
      readdirSync(folder).map((name) => [sha256(readFileSync(join(folder, name))), join(folder, name)]),
    );
    for (const want of distinct) {
      const file = came.get(want.sha256);
      if (file === undefined)
        throw new Error(
          `what came as ${want.name} ${want.version} (${want.architecture}) has another checksum than the pinned ${want.sha256}; nothing of it was used`,
        );
      renameSync(file, debFile(want));
    }
  });
}

function npmPackage(name: string, pin: NpmPin, { say }: FetchOptions): Promise<Source> {
  return unpacked(`npm-${name.replace('/', '-')}-${sha256(pin.integrity).slice(0, 24)}`, (into) =>
    withScratch(async (folder) => {
      say(`fetching ${name} ${pin.version}`);
      const ran = await run('npm', ['pack', '--silent', '--ignore-scripts', `${name}@${pin.version}`], { cwd: folder });
      const file = onlyFile(folder, ran.output, `npm pack ${name}@${pin.version}`);
      if (!matchesIntegrity(readFileSync(file), pin.integrity))
        throw new Error(`${name}@${pin.version} has another checksum than the pinned one; nothing of it was used`);
      const tar = await run('tar', ['-xzf', file, '-C', into, '--strip-components=1', '--no-same-owner']);
      if (tar.code !== 0) throw new Error(`tar failed on ${name}: ${tar.output}`);
    }),
  );
}

function pypiPackage(name: string, pins: Pins, architecture: Architecture, { say }: FetchOptions): Promise<Source> {
  const pin = pinned(pins.pypi, name);
  const digest = pin.sha256[architecture];
  return unpacked(`pypi-${name}-${digest.slice(0, 24)}`, (into) =>
    withScratch(async (folder) => {
      say(`fetching ${name} ${pin.version} for ${architecture}`);
      const file = await downloadWheel(name, pin.version, architecture, folder);
      if (sha256(readFileSync(file)) !== digest)
        throw new Error(`${name} ${pin.version} has another checksum than the pinned one; nothing of it was used`);
      const unzip = await run('python3', ['-m', 'zipfile', '-e', file, into]);
      if (unzip.code !== 0) throw new Error(`unpacking ${name} failed: ${unzip.output}`);
    }),
  );
}

export async function downloadWheel(
  name: string,
  version: string,
  architecture: Architecture,
  folder: string,
): Promise<string> {
  const options = ['--no-deps', '--only-binary=:all:', `--platform=${wheelPlatforms[architecture]}`, '--quiet'];
  const ran = await run('python3', ['-m', 'pip', 'download', ...options, `--dest=${folder}`, `${name}==${version}`]);
  return onlyFile(folder, ran.output, `pip download ${name}==${version}`);
}

function onlyFile(folder: string, output: string, what: string): string {
  const [file, ...others] = readdirSync(folder);
  if (file === undefined || others.length > 0) throw new Error(`${what} failed: ${output.trim().slice(-600)}`);
  return join(folder, file);
}

/** Made beside and moved into place when whole; two builds at once may both make it, and the first one stays. */
export async function unpacked(key: string, make: (into: string) => Promise<void>): Promise<Source> {
  const folder = join(cacheFolder('sources'), key);
  if (!existsSync(folder))
    await withScratch(async (scratch) => {
      const whole = join(scratch, 'whole');
      await run('mkdir', [whole]);
      await make(whole);
      try {
        renameSync(whole, folder);
      } catch (error) {
        if (!existsSync(folder)) throw error;
        rmSync(whole, { recursive: true, force: true });
      }
    });
  return { key, folder };
}

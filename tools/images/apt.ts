/**
 * Debian packages through the machine's own apt, with lists of our own: nothing is installed, and the machine's lists stay as they are.
 *
 * Where the archive is comes from the machine's sources (or QM_DEBIAN_MIRROR and QM_DEBIAN_SECURITY_MIRROR); only the suite is ours. apt checks
 * the archive's signature, the caller the pinned checksum.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from '../support/run.ts';
import { architectures, type Architecture } from './pins.ts';

export interface DebianOffer {
  readonly name: string;
  readonly architecture: Architecture;
  readonly version: string;
  readonly sha256: string;
}

export interface Archive {
  readonly main: string;
  readonly security: string | undefined;
}

export interface Apt {
  /** Every version on offer, the newest of each package first. */
  offers(names: readonly string[]): Promise<readonly DebianOffer[]>;
  /** Into `folder`, under apt's own file names. */
  download(wanted: readonly DebianOffer[], folder: string): Promise<void>;
}

/** `folder` holds lists and settings of this run. */
export async function openApt(suite: string, folder: string): Promise<Apt> {
  const settings = prepare(suite, folder, debianArchive(process.env, readSources()));
  const call = async (program: string, args: readonly string[], cwd = folder): Promise<string> => {
    const ran = await run(program, [...settings, ...args], { cwd });
    if (ran.code !== 0)
      throw new Error(`${program} ${args[0] ?? ''} failed (exit ${ran.code}):\n${lastLines(ran.output)}`);
    return ran.output;
  };
  await call('apt-get', ['-qq', 'update']);
  return {
    offers: async (names) =>
      parseOffers(
        await call('apt-cache', ['show', ...names.flatMap((name) => architectures.map((each) => `${name}:${each}`))]),
      ),
    download: async (wanted, into) => {
      const words = wanted.map(({ name, architecture, version }) => `${name}:${architecture}=${version}`);
      if (words.length > 0) await call('apt-get', ['-qq', 'download', ...words], into);
    },
  };
}

function prepare(suite: string, folder: string, { main, security }: Archive): readonly string[] {
  for (const each of ['lists/partial', 'cache/archives/partial', 'sources', 'preferences'])
    mkdirSync(join(folder, each), { recursive: true });
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  if (!existsSync(keyring)) throw new Error(`${keyring} is missing: install the package debian-archive-keyring`);
  const stanza = (uri: string, suites: string): string =>
    `Types: deb\nURIs: ${uri}\nSuites: ${suites}\nComponents: main\nTargets: Packages\nSigned-By: ${keyring}\n`;
  const stanzas = [stanza(main, `${suite} ${suite}-updates`)];
  if (security !== undefined) stanzas.push(stanza(security, `${suite}-security`));
  writeFileSync(join(folder, 'sources/debian.sources'), stanzas.join('\n'));
  return [
    ['Dir::State::lists', join(folder, 'lists')],
    ['Dir::State::status', '/dev/null'],
    ['Dir::Cache', join(folder, 'cache')],
    ['Dir::Etc::sourcelist', '/dev/null'],
    ['Dir::Etc::sourceparts', join(folder, 'sources')],
    ['Dir::Etc::preferences', '/dev/null'],
    ['Dir::Etc::preferencesparts', join(folder, 'preferences')],
    ['APT::Architecture', 'amd64'],
    ['APT::Architectures', architectures.join(',')],
    ['APT::Sandbox::User', 'root'],
    ['Acquire::Languages', 'none'],
    ['Debug::NoLocking', 'true'],
  ].map(([name, value]) => `-o${name}=${value}`);
}

/** All texts under /etc/apt that name package sources. */
function readSources(): readonly string[] {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return ['/etc/apt/sources.list', ...files]
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .map((file) => readFileSync(file, 'utf8'));
}

const codename = '(?:stable|oldstable|testing|sid|bullseye|bookworm|trixie|forky|duke)';

/** Where this machine has Debian from: any release of it, since all are in one archive. */
export function debianArchive(env: Readonly<Record<string, string | undefined>>, sources: readonly string[]): Archive {
  const named = env['QM_DEBIAN_MIRROR'];
  if (named !== undefined && named !== '') return { main: named, security: env['QM_DEBIAN_SECURITY_MIRROR'] };
  const found = sources.flatMap(sourceLines);
  const release = new RegExp(`(^| )${codename}( |$)`);
  const main = found.find(({ suites }) => release.test(suites))?.uri;
  const security = found.find(({ suites }) => new RegExp(`(^| )${codename}[-/]security`).test(suites));
  if (main === undefined)
    throw new Error(
      'no package source of this machine is a Debian archive, where the libraries of the images come from: set QM_DEBIAN_MIRROR (and QM_DEBIAN_SECURITY_MIRROR) to one',
    );
  return { main, security: security?.uri };
}

/** Both ways of writing sources: stanzas of fields, and lines that begin with `deb`. Others than Debian seldom have a component `main`. */
function sourceLines(text: string): readonly { readonly uri: string; readonly suites: string }[] {
  const plain = text.replace(/^\s*#.*\n?/gm, '');
  const lines = [...plain.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$/gm)].map((match) => ({
    uri: match[1] ?? '',
    suites: match[2] ?? '',
    components: match[3] ?? '',
  }));
  const stanzas = plain.split(/\n\s*\n/).map((stanza) => {
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.+)$`, 'm').exec(stanza)?.[1]?.trim() ?? '';
    return { uri: field('URIs').split(' ')[0] ?? '', suites: field('Suites'), components: field('Components') };
  });
  return [...lines, ...stanzas].filter(({ uri, components }) => uri !== '' && /\bmain\b/.test(components));
}

export function parseOffers(text: string): readonly DebianOffer[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string): string => new RegExp(`^${name}: (.+)$`, 'm').exec(stanza)?.[1] ?? '';
    const [name, version, sha256, of] = [field('Package'), field('Version'), field('SHA256'), field('Architecture')];
    if (name === '' || version === '' || sha256 === '') return [];
    return architectures
      .filter((architecture) => of === 'all' || of === architecture)
      .map((architecture) => ({ name, architecture, version, sha256 }));
  });
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-6).join('\n');
}

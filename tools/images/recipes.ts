/**
 * What is in each layer. Everything a process needs is in one of them: there is no base image.
 *
 * `/quaymaster` of the hub's image is laid out as the init container of user images copies it: loader, libraries, Node and program, which
 * together start on any Linux image. In the images themselves links from the usual places lead there, so Node is started like any program.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../support/run.ts';
import type { Source, Sources } from './fetch.ts';
import type { LayerPlan } from './layer.ts';
import { type Architecture, sha256 } from './pins.ts';
import { basePackages, pythonPackages, shellPackages } from './recipe-packages.ts';
import { filesBelow, TreeBuilder } from './tree.ts';

export const home = '/quaymaster';
export const nonRoot = 65_532;

interface Platform {
  /** Debian's name of the architecture, in folder names. */
  readonly triplet: string;
  readonly loader: string;
}

export const platforms: Readonly<Record<Architecture, Platform>> = {
  amd64: { triplet: 'x86_64-linux-gnu', loader: '/lib64/ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: '/lib/ld-linux-aarch64.so.1' },
};

/** Of libc6; the rest of it is for building, debugging and encodings that nothing here uses. */
const ofLibc = /^(libc|libm|libdl|libpthread|librt|libresolv|libutil)\.so\.\d+$/;

/** What turns inputs into a layer is an input itself: a change of it is never missed. */
const recipe = sha256(
  ['recipes.ts', 'tree.ts', 'tar.ts'].map((file) => readFileSync(join(import.meta.dirname, file), 'utf8')).join('\0'),
);

export function baseLayer(sources: Sources, architecture: Architecture): LayerPlan {
  const { triplet, loader } = platforms[architecture];
  const [libc, ...others] = basePackages.map((name) => sources.debian(name));
  const node = sources.node();
  if (libc === undefined) throw new Error('no libc6');
  return {
    name: 'base',
    inputs: [recipe, libc.key, ...others.map(({ key }) => key), node.key],
    tree: () => {
      const tree = new TreeBuilder();
      tree.text(
        'etc/passwd',
        `root:x:0:0:root:/:/sbin/nologin\nnonroot:x:${nonRoot}:${nonRoot}:nonroot:/tmp:/sbin/nologin\n`,
      );
      tree.text('etc/group', `root:x:0:\nnonroot:x:${nonRoot}:\n`);
      tree.text('etc/nsswitch.conf', 'hosts: files dns\n');
      tree.directory('tmp', 0o1777).directory('var/cache');
      const libraries = join(libc.folder, 'usr/lib', triplet);
      for (const name of readdirSync(libraries))
        if (ofLibc.test(name)) tree.file(`${home}/lib/${name}`, join(libraries, name), 0o755);
      tree.file(`${home}/lib/ld.so`, join(libraries, loader.replace(/^.*\//, '')), 0o755);
      for (const { folder } of others)
        if (existsSync(join(folder, 'usr/lib', triplet))) addLibraries(tree, `${home}/lib`, folder, triplet);
      tree.file(`${home}/bin/node`, join(node.folder, 'bin/node'), 0o755);
      tree.link(loader, `${home}/lib/ld.so`);
      tree.link(`lib/${triplet}`, `${home}/lib`);
      tree.file('usr/share/doc/node/LICENSE', join(node.folder, 'LICENSE'));
      for (const name of basePackages) addCopyright(tree, sources.debian(name), name);
      return tree;
    },
  };
}

/** The hub, and the bridge: one program. */
export function hubLayer(bundle: string, version: string): LayerPlan {
  return programLayer('hub', bundle, version);
}

export function operatorLayer(bundle: string, version: string): LayerPlan {
  return programLayer('operator', bundle, version);
}

/** Everything the bundler wrote: its parts import each other. */
function programLayer(name: string, bundle: string, version: string): LayerPlan {
  const files = filesBelow(bundle);
  const manifest = `${JSON.stringify({ name: 'quaymaster', version, type: 'module' })}\n`;
  const licence = join(root, 'LICENSE');
  const sums = files.map((file) => `${file} ${sha256(readFileSync(join(bundle, file)))}`);
  return {
    name,
    inputs: [recipe, manifest, sha256(readFileSync(licence)), ...sums],
    tree: () => {
      const tree = new TreeBuilder();
      tree.text(`${home}/package.json`, manifest);
      tree.file(`${home}/LICENSE`, licence, 0o644);
      for (const file of files) tree.file(`${home}/${file}`, join(bundle, file), 0o644);
      return tree;
    },
  };
}

/** A shell and the programs that servers from packages start most. Only in runner images, whose work is running what others wrote. */
const applets =
  'sh awk base64 basename cat chmod cp cut date df diff dirname du echo env expr false find grep gunzip gzip head hostname id kill ln ls md5sum mkdir mktemp mv nproc printenv printf ps pwd readlink realpath rm rmdir sed seq sha256sum sleep sort stat tail tar tee test timeout touch tr true uname uniq unzip wc which whoami xargs';

export function shellLayer(sources: Sources): LayerPlan {
  const busybox = sources.debian(shellPackages[0]);
  return {
    name: 'shell',
    inputs: [recipe, busybox.key, applets],
    tree: () => {
      const tree = new TreeBuilder();
      const [program] = filesBelow(busybox.folder).filter((file) => /bin\/busybox$/.test(file));
      if (program === undefined) throw new Error('busybox-static holds no busybox');
      tree.file('usr/bin/busybox', join(busybox.folder, program), 0o755);
      for (const applet of applets.split(' ')) tree.link(`usr/bin/${applet}`, 'busybox');
      tree.link('bin', 'usr/bin');
      addCopyright(tree, busybox, shellPackages[0]);
      return tree;
    },
  };
}

/** Beside Node, where the installer looks first. */
export function npmLayer(sources: Sources): LayerPlan {
  const npm = sources.npm('npm');
  return {
    name: 'npm',
    inputs: [recipe, npm.key],
    tree: () => {
      const place = `${home}/lib/node_modules/npm`;
      const tree = new TreeBuilder();
      tree.folder(place, npm.folder, (file) => !/^(docs|man)\/|\.(md|map|d\.ts)$/.test(file));
      for (const name of ['npm', 'npx']) tree.link(`${home}/bin/${name}`, `../lib/node_modules/npm/bin/${name}-cli.js`);
      return tree;
    },
  };
}

/** Parts of the standard library that a server cannot use here: windows on a screen, its own test suite, a database library that is left out. */
const unusedPython =
  /^usr\/lib\/python3\.\d+\/(idlelib|tkinter|turtledemo|test|ensurepip)\/|\/lib-dynload\/_(dbm|tkinter)\./;

export function pythonLayer(sources: Sources, architecture: Architecture, bytecode: Source): LayerPlan {
  const { triplet } = platforms[architecture];
  const packages = pythonPackages.map((name) => ({ name, source: sources.debian(name) }));
  const uv = sources.pypi('uv');
  return {
    name: 'python',
    inputs: [recipe, ...packages.map(({ source }) => source.key), bytecode.key, uv.key],
    tree: () => {
      const tree = new TreeBuilder();
      for (const { name, source } of packages) {
        if (/python3/.test(name))
          tree.folder(
            '/',
            source.folder,
            (file) => /^(usr\/(bin|lib)|etc\/python3)/.test(file) && !unusedPython.test(file),
          );
        else if (name === 'tzdata')
          tree.folder('/', source.folder, (file) => /^usr\/share\/zoneinfo\/(?!localtime)/.test(file));
        else if (name === 'ca-certificates') tree.text('etc/ssl/certs/ca-certificates.crt', authorities(source));
        else addLibraries(tree, `usr/lib/${triplet}`, source.folder, triplet);
        addCopyright(tree, source, name);
      }
      tree.folder('/', bytecode.folder, (file) => !unusedPython.test(file));
      tree.link('usr/bin/python3', 'python3.13').link('usr/bin/python', 'python3.13');
      // Where OpenSSL of Debian looks.
      tree
        .link('usr/lib/ssl/certs', '/etc/ssl/certs')
        .link('usr/lib/ssl/cert.pem', '/etc/ssl/certs/ca-certificates.crt');
      const [program] = filesBelow(uv.folder).filter((file) => /\/scripts\/uv$/.test(file));
      if (program === undefined) throw new Error('the wheel of uv holds no uv');
      tree.file('usr/bin/uv', join(uv.folder, program), 0o755);
      for (const file of filesBelow(uv.folder).filter((each) => /\/licenses\//.test(each)))
        tree.file(`usr/share/doc/uv/${file.replace(/^.*\//, '')}`, join(uv.folder, file), 0o644);
      return tree;
    },
  };
}

/** As update-ca-certificates puts them together, without the ones it would be told to leave out: there are none. */
function authorities({ folder }: Source): string {
  const place = join(folder, 'usr/share/ca-certificates/mozilla');
  return readdirSync(place)
    .filter((name) => name.endsWith('.crt'))
    .toSorted()
    .map((name) => `${readFileSync(join(place, name), 'utf8').trim()}\n`)
    .join('');
}

/** Each library once, under the name that programs ask for: the link's where there is one. */
function addLibraries(tree: TreeBuilder, into: string, folder: string, triplet: string): void {
  const place = join(folder, 'usr/lib', triplet);
  const libraries = readdirSync(place, { withFileTypes: true }).filter(({ name }) => /\.so(\.\d+)*$/.test(name));
  const links = libraries.filter((entry) => entry.isSymbolicLink());
  const meant = new Set(links.map(({ name }) => realpathSync(join(place, name))));
  for (const { name } of libraries) {
    const file = join(place, name);
    if (!meant.has(file)) tree.file(`${into}/${name}`, file, 0o755);
  }
}

/** Licences travel with what they are for. A package whose documents are a link to another's needs none of its own. */
function addCopyright(tree: TreeBuilder, { folder }: Source, name: string): void {
  const files = filesBelow(folder).filter((file) => file === `usr/share/doc/${name}/copyright`);
  for (const file of files) tree.file(file, join(folder, file), 0o644);
}

/**
 * Python's standard library, compiled ahead: the root file system is read-only, so every start would compile it again (0.3 s instead of 0.05 s).
 *
 * The interpreter is the one of the image, for the machine that builds, run by its own loader: byte code is the same for every architecture.
 * Marked as never to be checked against the source, so that no time of any file matters.
 */
import { join } from 'node:path';

import { run } from '../support/run.ts';
import { type Source, type Sources, unpacked } from './fetch.ts';
import { type Architecture, sha256 } from './pins.ts';
import { platforms } from './recipes.ts';
import { basePackages, pythonPackages } from './recipe-packages.ts';

const libraryPackages = ['libpython3.13-minimal', 'libpython3.13-stdlib'] as const;

/** Fixed order and hash seed: the same bytes every time. Files that are no Python 3 (samples for tools) are skipped. */
const program = `
import os, py_compile, sys
*roots, into = sys.argv[1:]
for root in roots:
    for folder, folders, files in os.walk(os.path.join(root, 'usr/lib')):
        folders.sort()
        for name in sorted(files):
            if not name.endswith('.py'): continue
            source = os.path.join(folder, name)
            if os.path.islink(source): continue
            inside = os.path.relpath(source, root)
            cached = os.path.join(into, os.path.dirname(inside), '__pycache__', name[:-3] + '.cpython-313.pyc')
            try:
                py_compile.compile(source, cached, '/' + inside, True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            except py_compile.PyCompileError as error:
                print(inside, error, file=sys.stderr)
`;

/** `host` are the packages for this machine, `target` those of the image. */
export function pythonBytecode(target: Sources, host: Sources, hostArchitecture: Architecture): Promise<Source> {
  const { triplet, loader } = platforms[hostArchitecture];
  const libraries = libraryPackages.map((name) => target.debian(name));
  const own = libraryPackages.map((name) => join(host.debian(name).folder, 'usr/lib/python3.13'));
  const packages = [...basePackages, ...pythonPackages].map((name) => host.debian(name));
  const key = sha256(JSON.stringify([program, ...libraries.map((each) => each.key)])).slice(0, 24);
  return unpacked(`bytecode-${key}`, async (into) => {
    const paths = packages.map(({ folder }) => join(folder, 'usr/lib', triplet));
    const libc = join(host.debian('libc6').folder, 'usr/lib', triplet);
    const python = join(host.debian('python3.13-minimal').folder, 'usr/bin/python3.13');
    const ran = await run(
      join(libc, loader.replace(/^.*\//, '')),
      [
        '--library-path',
        paths.join(':'),
        python,
        '-B',
        '-S',
        '-c',
        program,
        ...libraries.map((each) => each.folder),
        into,
      ],
      { env: { PYTHONPATH: own.join(':'), PYTHONHOME: join(own[0] ?? '', '../../..'), PYTHONHASHSEED: '0' } },
    );
    if (ran.code !== 0)
      throw new Error(`compiling Python's library failed (exit ${ran.code}): ${ran.output.slice(-600)}`);
  });
}

/** The packages of the machine that builds, whatever it builds for. */
export function hostArchitecture(): Architecture {
  if (process.platform === 'linux' && process.arch === 'x64') return 'amd64';
  if (process.platform === 'linux' && process.arch === 'arm64') return 'arm64';
  throw new Error(`images are built on Linux (amd64 or arm64), and this is ${process.platform} ${process.arch}`);
}

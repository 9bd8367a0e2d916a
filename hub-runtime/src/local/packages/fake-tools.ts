/** Package managers that install nothing real, for tests of this room: npm beside a Node, uv, pip and Python on PATH. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface FakeTools {
  readonly folder: string;
  /** A Node with the fake npm beside it. */
  readonly nodePath: string;
  readonly env: Readonly<Record<string, string>>;
  /** Puts a program on the fake PATH; `body` is JavaScript, `args` are its arguments. */
  program(name: string, body: string): void;
  /** What npm does: JavaScript that sees `args`, `fs`, `path`, `dir` (where it installs), `name` and `version`. */
  npm(body: string): void;
  /** Command lines so far, oldest first. */
  readonly runs: readonly string[];
  remove(): void;
}

export function fakeTools(): FakeTools {
  const folder = mkdtempSync(path.join(tmpdir(), 'qm-packages-'));
  const bin = path.join(folder, 'bin');
  const npmFolder = path.join(folder, 'lib', 'node_modules', 'npm', 'bin');
  const record = path.join(folder, 'runs');
  mkdirSync(bin);
  mkdirSync(npmFolder, { recursive: true });
  const nodePath = path.join(bin, 'node');
  symlinkSync(process.execPath, nodePath);
  const prelude = (
    name: string,
  ) => `const fs = require('fs'); const path = require('path'); const args = process.argv.slice(2);
fs.appendFileSync(${JSON.stringify(record)}, [${JSON.stringify(name)}, ...args].join(' ') + '\\n');
`;
  return {
    folder,
    nodePath,
    env: { PATH: bin, FOLDER: folder },
    program(name, body) {
      const file = path.join(bin, name);
      writeFileSync(file, `#!${process.execPath}\n${prelude(name)}${body}`);
      chmodSync(file, 0o755);
    },
    npm(body) {
      const setUp = `const dir = args.find((a) => a.startsWith('--prefix=')).slice(9);
const [name, version] = Object.entries(JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).dependencies)[0];
`;
      writeFileSync(path.join(npmFolder, 'npm-cli.js'), prelude('npm') + setUp + body);
    },
    get runs() {
      return existsSync(record) ? readFileSync(record, 'utf8').trimEnd().split('\n') : [];
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The body of an npm that installs one package with the given `bin` member and files. */
export function installs(bin: unknown, files: Readonly<Record<string, string>>): string {
  return `const home = path.join(dir, 'node_modules', name); fs.mkdirSync(home, {recursive: true});
fs.writeFileSync(path.join(home, 'package.json'), JSON.stringify({name, version, bin: ${JSON.stringify(bin)}}));
for (const [file, text] of Object.entries(${JSON.stringify(files)})) fs.writeFileSync(path.join(home, file), text);
fs.writeFileSync(path.join(dir, 'package-lock.json'), JSON.stringify({packages: {['node_modules/' + name]: {version, integrity: 'sha512-real'}}}));
`;
}

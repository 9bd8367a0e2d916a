import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { formatProblem } from '../problems/index.ts';
import { readEnvFiles } from './env-file.ts';
import { maxFileBytes, readSources } from './read-sources.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'qm-load-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const write = (name: string, text: string): void => {
  mkdirSync(path.dirname(path.join(cwd, name)), { recursive: true });
  writeFileSync(path.join(cwd, name), text);
};
const read = async (paths: string[], stdin = '') => {
  const { sources, problems } = await readSources({ paths, cwd, stdin: Readable.from([Buffer.from(stdin)]) });
  return {
    files: sources.map((one) => one.file),
    texts: sources.map((one) => one.text),
    said: problems.map(formatProblem),
    sources,
  };
};

describe('paths', () => {
  test('a directory gives its manifests in name order, no hidden ones, nothing below it', async () => {
    for (const name of ['b.yaml', 'a.yml', 'c.json', '.hidden.yaml', 'notes.md', 'sub/d.yaml'])
      write(`m/${name}`, name);
    expect((await read(['m'])).files).toEqual(['m/a.yml', 'm/b.yaml', 'm/c.json']);
  });

  test('a file named twice, or named and listed, is read once', async () => {
    write('m/a.yaml', 'x');
    expect((await read(['m', 'm/a.yaml', './m/a.yaml'])).files).toEqual(['m/a.yaml']);
  });

  test('- is stdin, once, and relative paths in it count from here', async () => {
    const { files, texts, sources } = await read(['-', '-'], 'kind: A');
    expect(files).toEqual(['-']);
    expect(texts).toEqual(['kind: A']);
    expect(sources[0]?.directory).toBe(cwd);
  });

  test('hidden files are read when they are named', async () => {
    write('.mcp.json', '{}');
    expect((await read(['.mcp.json'])).files).toEqual(['.mcp.json']);
  });
});

describe('what cannot be read is said, and the rest is read all the same', () => {
  test.each([
    ['a missing file', 'gone.yaml', 'no such file or directory; check the path'],
    ['an empty directory', 'empty', 'holds no *.yaml'],
  ])('%s', async (_title, name, message) => {
    mkdirSync(path.join(cwd, 'empty'));
    write('good.yaml', 'x');
    const { files, said } = await read([name, 'good.yaml']);
    expect(files).toEqual(['good.yaml']);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(message);
  });

  test.skipIf(process.getuid?.() === 0)('a file without rights', async () => {
    write('shut.yaml', 'x');
    chmodSync(path.join(cwd, 'shut.yaml'), 0);
    expect((await read(['shut.yaml'])).said[0]).toContain('permission denied');
  });

  test('a path through a file, and one that no file system takes', async () => {
    write('file', 'x');
    const { said } = await read(['file/below.yaml', 'x'.repeat(300)]);
    expect(said).toEqual([
      'file/below.yaml: error: cannot be read (ENOTDIR)',
      expect.stringContaining('cannot be read (ENAMETOOLONG)'),
    ]);
  });

  test('a directory with too many files is refused as a whole', async () => {
    for (let n = 0; n <= 1000; n++) write(`many/${n}.yaml`, '');
    expect(await read(['many'])).toMatchObject({ files: [], said: [expect.stringContaining('more than 1000 files')] });
  });

  test('a file over the bound', async () => {
    write('big.yaml', 'x'.repeat(maxFileBytes + 1));
    write('fits.yaml', 'x'.repeat(maxFileBytes));
    const { files, said } = await read(['big.yaml', 'fits.yaml']);
    expect(files).toEqual(['fits.yaml']);
    expect(said[0]).toBe('big.yaml: error: the file is over 1 MiB; split it into several files');
  });

  test('stdin over the bound', async () => {
    expect((await read(['-'], 'x'.repeat(maxFileBytes + 1))).said[0]).toContain('over 1 MiB');
  });
});

describe('X-03 --env-file and --secret', () => {
  test('without a name it gives variables, with a name it is a Secret', async () => {
    write('vars.env', 'A=1\n# comment\nB="two words"\n');
    write('gh.env', 'token=abc\n');
    const found = await readEnvFiles(['vars.env', 'github=gh.env'], cwd);
    expect(found.variables).toEqual({ A: '1', B: 'two words' });
    expect(found.secrets).toEqual([{ name: 'github', entries: new Map([['token', 'abc']]) }]);
    expect(found.files).toEqual([path.join(cwd, 'vars.env'), path.join(cwd, 'gh.env')]);
  });

  test('a missing one is said with the option to correct', async () => {
    const { problems } = await readEnvFiles(['gone.env'], cwd);
    expect(problems.map(formatProblem)).toEqual([
      'gone.env: error: the environment file cannot be read (ENOENT); check the path',
    ]);
  });
});

import path from 'node:path';

import { beforeEach, describe, expect, test } from 'vitest';

import type { PypiSource } from './package-source.ts';
import { usePackageStore } from './package-store.fixture.ts';

const stage = usePackageStore();
const signal = new AbortController().signal;
const source: PypiSource = { kind: 'pypi', package: 'mcp-x', version: '2.0', args: [], with: [] };

const install = (more: Partial<PypiSource> = {}) =>
  stage.open({ env: { ...stage.tools.env, VIRTUAL_ENV: '/active' } }).install({ ...source, ...more }, () => {}, signal);

/** A Python that makes environments of itself. `pip` is what its pip does. */
const python = (version = '3.12.1', pip = '', help = '') => `
const dir = path.dirname(process.argv[1]);
if (process.env.VIRTUAL_ENV) process.exit(9);
if (args[0] === '-c' && args[1].includes('version_info')) console.log('${version}');
else if (args[0] === '-c') console.log(JSON.stringify({scripts: ['mcp-x'], tree: ['mcp-x==2.0', 'mcp==2.3.0', 'pip==23.0']}));
else if (args[1] === 'venv') { fs.mkdirSync(args[2] + '/bin', {recursive: true}); fs.copyFileSync(process.argv[1], args[2] + '/bin/python'); fs.writeFileSync(args[2] + '/bin/mcp-x', ''); }
else if (args.includes('--help')) console.log(${JSON.stringify(help)});
else { ${pip} }`;

const uv = `
if (args[0] === 'venv') { const venv = args.at(-1); fs.mkdirSync(venv + '/bin', {recursive: true}); fs.copyFileSync(process.env.FOLDER + '/bin/python3', venv + '/bin/python'); fs.writeFileSync(venv + '/bin/mcp-x', ''); }
else if (process.env.VIRTUAL_ENV) process.exit(9);`;

const runOf = (name: string) => stage.tools.runs.find((run) => run.startsWith(name)) ?? '';

describe('with pip', () => {
  test('an environment of its own, wheels only, run through its own Python', async () => {
    stage.tools.program('python3', python());
    const found = await install({ with: ['mcp<2.4'] });
    expect(path.relative(found.directory, found.command)).toBe('venv/bin/python');
    expect(found.args.map((file) => path.relative(found.directory, file))).toEqual(['venv/bin/mcp-x']);
    const run = stage.tools.runs.find((line) => line.includes('-m pip install')) ?? '';
    expect(run).toContain('--only-binary=:all:');
    expect(run).toMatch(/-- mcp-x==2\.0 mcp<2\.4$/);
    expect((await install({ with: ['mcp<2.4'] })).installed).toBe(false);
  });

  test('resolvedBefore where pip can', async () => {
    stage.tools.program('python3', python('3.12.1', '', 'options: --uploaded-prior-to <datetime>'));
    await install({ resolvedBefore: '2026-10-01' });
    expect(stage.tools.runs.some((run) => run.includes('--uploaded-prior-to 2026-10-01T00:00:00Z'))).toBe(true);
  });

  test('resolvedBefore where pip cannot: says what helps', async () => {
    stage.tools.program('python3', python());
    await expect(install({ resolvedBefore: '2026-10-01T10:00:00Z' })).rejects.toMatchObject({
      reason: 'RuntimeMissing',
      message: expect.stringContaining('install uv'),
    });
  });

  test.each([
    [
      'ERROR: Could not find a version that satisfies the requirement mcp-x==2.0 (from versions: 1.0, 1.1)',
      'VersionNotFound',
    ],
    [
      'ERROR: Could not find a version that satisfies the requirement mcp-x==2.0 (from versions: none)',
      'PackageNotFound',
    ],
    ['ResolutionImpossible: conflicting dependencies', 'DependencyConflict'],
    ['WARNING: Retrying after connection broken by NewConnectionError', 'RegistryUnreachable'],
    ['THESE PACKAGES DO NOT MATCH THE HASHES', 'IntegrityMismatch'],
  ])('%s', async (output, reason) => {
    stage.tools.program(
      'python3',
      python('3.12.1', `process.stderr.write(${JSON.stringify(output)}); process.exit(1)`),
    );
    await expect(install()).rejects.toMatchObject({ reason });
  });

  test('a Python that cannot make environments', async () => {
    stage.tools.program(
      'python3',
      `if (args[0] === '-c') console.log('3.11.2'); else { console.error('ensurepip is not available'); process.exit(1) }`,
    );
    await expect(install()).rejects.toMatchObject({
      reason: 'RuntimeMissing',
      message: expect.stringContaining('python3-venv'),
    });
  });
});

describe('with uv', () => {
  beforeEach(() => {
    stage.tools.program('uv', uv);
    stage.tools.program('python3', python());
  });

  test('it is preferred, and knows dates and versions', async () => {
    const found = await install({ python: '3.13', resolvedBefore: '2026-10-01' });
    expect(found.installed).toBe(true);
    expect(runOf('uv venv')).toContain('--python 3.13');
    expect(runOf('uv pip install')).toContain('--exclude-newer 2026-10-01T00:00:00Z');
    expect(runOf('uv pip install')).toContain('--no-build');
  });

  test('its account of a failure', async () => {
    stage.tools.program(
      'uv',
      `${uv} if (args[0] === 'pip') { console.error('Because mcp-x was not found in the package registry'); process.exit(1) }`,
    );
    await expect(install()).rejects.toMatchObject({ reason: 'PackageNotFound' });
  });
});

describe('which Python', () => {
  test('none: says what is missing and how to get it', async () => {
    await expect(install()).rejects.toMatchObject({
      reason: 'RuntimeMissing',
      retryable: true,
      message: expect.stringContaining('uv, pipx or Python 3'),
    });
  });

  test('the wanted version among several', async () => {
    stage.tools.program('python3', python('3.11.7'));
    stage.tools.program('python3.13', python('3.13.0'));
    await install({ python: '3.13' });
    expect(runOf('python3.13 -m venv')).not.toBe('');
  });

  test('another version than wanted', async () => {
    stage.tools.program('python3', python('3.11.7'));
    stage.tools.program('python', python('3.11.7'));
    await expect(install({ python: '3.1' })).rejects.toMatchObject({
      message: expect.stringContaining('Python 3.1 is wanted, found was 3.11.7;'),
    });
  });

  test('Python 2 under the name python is none', async () => {
    stage.tools.program('python', `console.log('2.7.18')`);
    await expect(install()).rejects.toMatchObject({ reason: 'RuntimeMissing' });
  });

  test('one that pipx brings', async () => {
    stage.tools.program('hidden', python());
    stage.tools.program('pipx', `console.log(process.env.FOLDER + '/bin/hidden')`);
    expect((await install()).installed).toBe(true);
  });

  test('a broken one is passed over', async () => {
    stage.tools.program('python3', 'process.exit(1)');
    stage.tools.program('python', python());
    expect((await install()).installed).toBe(true);
  });
});

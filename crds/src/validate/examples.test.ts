/** Examples are the most copied manifests: each directory must compile without a single complaint. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { compile } from '../compile/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { loadValidator } from './index.ts';
import type { Validator } from './index.ts';

const root = join(import.meta.dirname, '../../../examples');
const texts = (directory: string) =>
  readdirSync(join(root, directory))
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => readFileSync(join(root, directory, name), 'utf8'));
const directories = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && texts(entry.name).length > 0)
  .map((entry) => entry.name);

let validate: Validator;
beforeAll(async () => {
  validate = await loadValidator();
});

test('the promised examples exist', () => {
  const promised = ['local-files', 'minimal', 'multi-hub', 'python', 'quickstart', 'remote'];
  expect(directories).toEqual(expect.arrayContaining(promised));
});

describe('every example compiles clean', () => {
  test.each(directories)('%s', (directory) => {
    const objects = texts(directory).flatMap((text) =>
      parseAllDocuments(text).map((document) => document.toJS() as ManifestObject),
    );
    const compiled = compile(objects, { validate });
    const wrong = [...compiled.servers, ...compiled.hubOutcomes, ...compiled.refused].flatMap((outcome) =>
      outcome.conditions.filter((entry) => entry.severity !== 'info' && entry.type !== 'Insecure'),
    );
    expect(wrong).toEqual([]);
    expect(compiled.hubs.length).toBeGreaterThan(0);
    for (const config of compiled.hubs) expect(config.servers.length).toBeGreaterThan(0);
  });
});

test('EF-02 a governed endpoint needs at most 15 lines', () => {
  const lines = texts('minimal').flatMap((text) => text.split('\n').filter((line) => line.trim() !== ''));
  expect(lines.length).toBeLessThanOrEqual(15);
});

test('the quickstart has nothing that only a laptop has', () => {
  expect(texts('quickstart').join('\n')).not.toMatch(/directory:|claim:/);
});

test('examples pin what they run', () => {
  for (const directory of directories)
    for (const text of texts(directory)) expect(text).not.toMatch(/version: *["']?(latest|\^|~|>|\*)/);
});

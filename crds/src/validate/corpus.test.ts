/**
 * The corpus of valid and invalid manifests, with the verdicts an API server must give as well (HT-Q4, dual mode).
 *
 * Each invalid file names in its first lines the path and a fragment of the message.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ManifestObject } from '../manifest/index.ts';
import { loadValidator } from './index.ts';
import type { Validator } from './index.ts';

const corpus = join(import.meta.dirname, '../../corpus');
const files = (kind: 'valid' | 'invalid') =>
  readdirSync(join(corpus, kind)).map((name) => [name, readFileSync(join(corpus, kind, name), 'utf8')] as const);
const valid = files('valid');
const invalid = files('invalid');

let validate: Validator;
beforeAll(async () => {
  validate = await loadValidator();
});

test('the corpus has not shrunk', () => {
  expect(valid.length).toBeGreaterThanOrEqual(25);
  expect(invalid.length).toBeGreaterThanOrEqual(60);
});

describe('valid manifests', () => {
  test.each(valid)('%s', (_name, text) => {
    expect(validate(parse(text) as ManifestObject)).toEqual([]);
  });
});

describe('invalid manifests name the place and the fault', () => {
  test.each(invalid)('%s', (_name, text) => {
    const [, path, fragment] = /^# path: (.*)\n# message: (.*)\n/.exec(text) ?? [];
    const issues = validate(parse(text) as ManifestObject);
    const found = issues.map((issue) => `${issue.path} ${issue.message}; ${issue.next}`);
    expect(path).toBeDefined();
    expect(found.filter((line) => line.startsWith(`${path} `)).join('\n')).toContain(fragment);
  });
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as kit from './index.ts';

const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');

test('HT-2.17 HT-2.18 the README shows the example that runs as a test', () => {
  expect(readme).toContain(readFileSync(new URL('./example.test.ts', import.meta.url), 'utf8').trim());
});

test('HT-2.17 HT-2.18 the README names every function of the kit', () => {
  const missing = Object.keys(kit).filter((name) => !new RegExp(`\\b${name}\\b`).test(readme));
  expect(missing).toEqual([]);
});

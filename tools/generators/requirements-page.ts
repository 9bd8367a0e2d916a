/**
 * `docs/requirements.md`: which requirement is proven by which test.
 *
 * The claim is made in `requirements-table.ts`, the proof is found by reading the titles of all tests. Neither counts alone: an id that is
 * claimed without a test, and an id in a title that the table does not know, are both problems.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { root } from '../support/run.ts';
import { requirements } from './requirements-table.ts';

export interface Proof {
  readonly file: string;
  readonly title: string;
}

/** A test that is skipped, or yet to be written, proves nothing. */
const titles =
  /\b(?:test|it|describe)(?:\.(?:each|skipIf|runIf|concurrent|sequential)\s*\((?:[^()]|\([^()]*\))*\)|\.(?!skip\b|todo\b|fails\b)\w+)*\s*\(\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/g;
const ids = /\b(?:HS-\d{2}|EF-\d{2}|HT-(?:\d|[A-Z])\.?\d{1,2}|HT-[A-Z]\d|X-\d{2})\b/g;

/** Titles of the tests in a file. */
export function titlesIn(text: string): readonly string[] {
  return [...text.matchAll(titles)].map((match) => (match[2] ?? '').replace(/\\(.)/g, '$1'));
}

export function findProofs(
  files: readonly { readonly file: string; readonly text: string }[],
): ReadonlyMap<string, readonly Proof[]> {
  const proofs = new Map<string, Proof[]>();
  for (const { file, text } of files) {
    for (const title of titlesIn(text)) {
      for (const id of new Set(title.match(ids))) proofs.set(id, [...(proofs.get(id) ?? []), { file, title }]);
    }
    // A file may say for all of its tests what they prove: `EF-29, HT-0.04: ...` at the start of its header comment.
    const header = /^\/\*\*\s*\n?\s*\*?\s*((?:[A-Z]{1,2}-[\w.]+,?\s*)+):/.exec(text)?.[1];
    for (const id of new Set(header?.match(ids)))
      proofs.set(id, [...(proofs.get(id) ?? []), { file, title: 'the whole file' }]);
  }
  return proofs;
}

export function requirementProblems(proofs: ReadonlyMap<string, readonly Proof[]>): readonly string[] {
  const problems: string[] = [];
  for (const [id, row] of Object.entries(requirements)) {
    if (row.state !== 'open' && !proofs.has(id)) problems.push(`${id} is claimed (${row.state}) but no test names it`);
  }
  for (const [id, found] of proofs) {
    if (requirements[id] === undefined)
      problems.push(`${id} is named by a test (${found[0]?.file ?? ''}) but not in requirements-table.ts`);
  }
  return problems;
}

export function requirementsPage(proofs: ReadonlyMap<string, readonly Proof[]>): string {
  const out = [
    '<!-- Generated from tools/generators/requirements-table.ts and the titles of all tests by `make generate`. Do not edit. -->',
    '',
    '# Requirements and their proofs',
    '',
    'A requirement counts as met only when a test names it. `partly` says in the note what is missing; `open` is named here because work on it',
    'has begun.',
    '',
    '| Id | Requirement | State | Proven by |',
    '| --- | --- | --- | --- |',
  ];
  for (const [id, row] of Object.entries(requirements)) {
    const found = proofs.get(id) ?? [];
    const list = found.slice(0, 6).map((proof) => `\`${proof.file}\`: ${cell(proof.title.replace(ids, '').trim())}`);
    if (found.length > 6) list.push(`and ${found.length - 6} more`);
    const note = row.note === undefined ? '' : ` (${row.note})`;
    out.push(`| ${id} | ${row.what} | ${row.state}${note} | ${list.join('<br>')} |`);
  }
  return `${out.join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}

/** Hold titles as samples. */
const samples: ReadonlySet<string> = new Set(['generators/generators.test.ts', 'checklist.test.ts']);

/** Every test file of the workspace that holds no samples. */
export function readTestFiles(): readonly { readonly file: string; readonly text: string }[] {
  const found: { readonly file: string; readonly text: string }[] = [];
  for (const folder of ['crds/src', 'hub-runtime/src', 'operator', 'test', 'tools']) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.test.ts') || samples.has(name) || /(?:^|\/)(?:dist|node_modules)\//.test(name)) continue;
      const path = join(root, folder, name);
      found.push({ file: relative(root, path), text: readFileSync(path, 'utf8') });
    }
  }
  return found.toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

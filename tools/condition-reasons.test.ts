/** Reasons are said in many rooms and explained in one table: this holds both sides together, by reading the sources. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { conditionTable } from '@quaymaster/crds';
import { describe, expect, test } from 'vitest';

import { root } from './support/run.ts';

/** Where a reason stands in code: raised with an error, assigned, compared, or handed to what collects it. */
const places = [
  /\bnew (?:TargetError|ConnectError|ChildError)\(\s*'([A-Z][a-z]\w*)'/g,
  /\breason\b(?:[^'\n;]|'[A-Z]\w*'(?= :))*'([A-Z][a-z]\w*)'/g,
  /\breason\b[^'\n;]*\? '([A-Z][a-z]\w*)' :/g,
  /\.(?:over|add|draft)\(\s*'([A-Z][a-z]\w*)',/g,
  /\bdraft\(\s*'\w+',\s*'([A-Z][a-z]\w*)'/g,
];

function reasonsIn(text: string): string[] {
  // Phases, and the actions of events, are words of their own.
  const plain = text.replaceAll(/\bphase === '\w+'/g, 'phase').replaceAll(/\baction: '\w+'/g, 'action');
  const words = places.flatMap((place) => [...plain.matchAll(place)].map((match) => match[1] ?? ''));
  // What holds of a condition is no reason.
  return words.filter((word) => word !== 'True' && word !== 'False');
}

function sources(folder: string): { readonly file: string; readonly text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|\.fixture\.ts$|(?:^|\/)(?:testing|fixtures)\//.test(name))
    .map((name) => ({ file: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') }));
}

const known = new Set(Object.keys(conditionTable));
/** `operator/src/kube` knows no conditions of ours: its reasons are those of the API server. */
const code = [...sources('hub-runtime/src'), ...sources('crds/src'), ...sources('operator/src')].filter(
  ({ file }) => !/crds\/src\/(?:conditions|generate)\/|operator\/src\/kube\//.test(file),
);

describe('HT-0.09 every reason is explained', () => {
  test('the scan sees reasons however they are written', () => {
    const text = `
      throw new TargetError(
        'Aa', 'words', false);
      const one = { phase: 'Degraded', reason: 'Bb', message: 'Not this' };
      const reason = loops ? 'Cc' : 'Dd';
      problems.add('Ee', keys); this.over('Ff', 'Gone away');
      draft('Ready', 'Gg', detail);
      if (state.reason === 'Hh') return 'Ready';
      const other = reason ?? (phase === 'Degraded' ? 'Ii' : phase);`;
    expect([...new Set(reasonsIn(text))].toSorted()).toEqual(['Aa', 'Bb', 'Cc', 'Dd', 'Ee', 'Ff', 'Gg', 'Hh', 'Ii']);
  });

  test('what the code says has a row in the condition table', () => {
    const said = code.flatMap(({ file, text }) => reasonsIn(text).map((reason) => ({ file, reason })));
    expect(new Set(said.map((one) => one.reason)).size).toBeGreaterThan(40);
    expect(said.filter(({ reason }) => !known.has(reason))).toEqual([]);
  });

  test('every row of the table is said somewhere', () => {
    const texts = code.map(({ text }) => text).join('\n');
    // Some are put together: `${kind}NotFound`.
    const ends = [...texts.matchAll(/`\$\{\w+\}([A-Z]\w+)`/g)].map((match) => match[1] ?? '');
    const isSaid = (reason: string): boolean =>
      texts.includes(`'${reason}'`) || ends.some((end) => /^(?:Secret|ConfigMap)$/.test(reason.replace(end, '')));
    expect([...known].filter((reason) => !isSaid(reason))).toEqual([]);
  });
});

/** The chart before this one: from git where there is history, else the first form it ever had, which is kept beside the tests. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { root } from './helm.ts';

const path = 'charts/quaymaster-operator';
const first = join(import.meta.dirname, '../fixtures/quaymaster-operator-first.tgz');

export interface PreviousChart {
  readonly folder: string;
  readonly from: string;
}

/** Of the last commit but one that touched it; of the last, when there are changes that are not committed. */
export function previousChart(): PreviousChart {
  try {
    const changed = git('status', '--porcelain', '--', path).trim() !== '';
    const commits = git('log', '-2', '--format=%h', '--', path).trim().split('\n');
    const commit = changed ? commits[0] : commits[1];
    if (commit === undefined || commit === '') return firstChart();
    const archive = execFileSync('git', ['archive', commit, path], { cwd: root, maxBuffer: 32 << 20, stdio: 'pipe' });
    return { folder: unpack(archive), from: commit };
  } catch {
    return firstChart();
  }
}

export function firstChart(): PreviousChart {
  const folder = mkdtempSync(join(tmpdir(), 'qm-chart-'));
  execFileSync('tar', ['-xzf', first, '-C', folder]);
  return { folder: join(folder, path), from: 'the first form' };
}

function unpack(archive: Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'qm-chart-'));
  const file = join(folder, 'chart.tar');
  writeFileSync(file, archive);
  execFileSync('tar', ['-xf', file, '-C', folder]);
  return join(folder, path);
}

const git = (...words: readonly string[]): string =>
  execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: 'pipe' });

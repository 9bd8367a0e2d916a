import { expect, test } from 'vitest';

import { problem } from '../problems/index.ts';
import type { Project } from '../project/index.ts';
import { Reloader, type ReloadOutcome } from './reloader.ts';

const project = (hash: string, more: Partial<Project> = {}): Project =>
  ({
    compiled: { hubs: [{ namespace: 'default', name: 'desk', hash }] },
    problems: [],
    blocked: false,
    ...more,
  }) as unknown as Project;

function setUp(next: () => Project | Promise<Project>) {
  const applied: Project[] = [];
  const reports: ReloadOutcome[] = [];
  const loadedFrom: Project[] = [];
  const first = project('1');
  const reloader = new Reloader(first, {
    load: async (previous) => {
      loadedFrom.push(previous);
      return next();
    },
    apply: (one) => applied.push(one),
    report: (one) => reports.push(one),
  });
  return { reloader, applied, reports, loadedFrom, first };
}

test('EF-45 a change is applied and reported, and the next load starts from it', async () => {
  const second = project('2');
  const { reloader, applied, reports, loadedFrom, first } = setUp(() => second);
  expect((await reloader.reload()).applied).toBe(true);
  await reloader.reload();
  expect(applied).toEqual([second, second]);
  expect(loadedFrom).toEqual([first, second]);
  expect(reports).toHaveLength(1);
  expect(reloader.project).toBe(second);
});

test('files that cannot be used change nothing; their problems are reported once', async () => {
  const blocked = project('2', { blocked: true, problems: [problem('error', 'half-written')] });
  const { reloader, applied, reports, first } = setUp(() => blocked);
  expect(await reloader.reload()).toEqual({ applied: false, problems: blocked.problems });
  await reloader.reload();
  expect(applied).toEqual([]);
  expect(reloader.project).toBe(first);
  expect(reloader.problems).toEqual(blocked.problems);
  expect(reports).toHaveLength(1);
});

test('files that are good again are reported, although nothing else changed', async () => {
  const states = [project('1', { blocked: true, problems: [problem('error', 'x')] }), project('1')];
  const { reloader, reports } = setUp(() => states.shift() ?? project('1'));
  await reloader.reload();
  await reloader.reload();
  expect(reports.map((one) => one.applied)).toEqual([false, true]);
  expect(reloader.problems).toEqual([]);
});

test('requests during a reload are served by one more after it, however many', async () => {
  const gates: (() => void)[] = [];
  const { reloader, loadedFrom } = setUp(
    () => new Promise((resolve) => gates.push(() => resolve(project(String(gates.length))))),
  );
  const first = reloader.reload();
  const later = [reloader.reload(), reloader.reload(), reloader.reload()];
  gates[0]?.();
  await first;
  await expect.poll(() => gates.length).toBe(2);
  gates[1]?.();
  await Promise.all(later);
  expect(loadedFrom).toHaveLength(2);
});

test('a load that throws rejects its callers and does not block the next one', async () => {
  let fails = true;
  const { reloader } = setUp(() => {
    if (fails) throw new Error('disk');
    return project('2');
  });
  const both = [reloader.reload(), reloader.reload()];
  await expect(both[0]).rejects.toThrow('disk');
  await expect(both[1]).rejects.toThrow('disk');
  fails = false;
  expect((await reloader.reload()).applied).toBe(true);
});

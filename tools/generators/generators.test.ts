import { describe, expect, test } from 'vitest';

import { type MetricRow, metricTable } from '../../hub-runtime/src/observe/index.ts';
import { operatorMetricTable } from '../../operator/src/process/index.ts';
import { cliPage, type CommandShape } from './cli-page.ts';
import { errorsPage } from './errors-page.ts';
import { metricsPage } from './metrics-page.ts';
import { findProofs, requirementProblems, requirementsPage } from './requirements-page.ts';
import { requirements } from './requirements-table.ts';

function command(name: string, rest: Partial<CommandShape> = {}): CommandShape {
  return {
    name: () => name,
    description: () => `does ${name}`,
    usage: () => '[options]',
    commands: [],
    options: [],
    registeredArguments: [],
    ...rest,
  };
}

describe('pages', () => {
  test('every error code has a heading, its message and what to do', () => {
    const page = errorsPage();
    expect(page).toContain('## QM_SERVER_GONE');
    expect(page).toContain('server "&lt;server>" went away');
    expect(page).not.toContain('undefined');
  });

  test.each([
    ['Hubs', metricTable],
    ['The operator', operatorMetricTable],
  ])('%s: every metric has a row with its type, its labels and what it means', (heading, table) => {
    const section =
      metricsPage()
        .split(/^## /m)
        .find((part) => part.startsWith(heading)) ?? '';
    const rows = section.split('\n').filter((line) => line.startsWith('| `'));
    const wanted = Object.entries(table as Readonly<Record<string, MetricRow>>).map(
      ([name, { type, labels, help }]) =>
        `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
    );
    expect(rows.toSorted()).toEqual(wanted.toSorted());
  });

  test('commands are shown with all their words, arguments and options', () => {
    const get = command('get', { commands: [command('hubs')] });
    const call = command('call', {
      options: [
        { flags: '--json <object>', description: 'a | b', hidden: false },
        { flags: '--secret', description: 'x', hidden: true },
        { flags: '-o <x>', description: 'output', defaultValue: 'table', hidden: false },
      ],
      registeredArguments: [{ name: () => 'tool', description: 'its name' }],
    });
    const page = cliPage(command('qm', { commands: [get, call, command('help')] }), [[0, 'done']]);
    expect(page).toContain('| 0 | done |');
    expect(page).toContain('## qm get hubs');
    expect(page).not.toContain('## qm get\n');
    expect(page).not.toContain('qm help');
    expect(page).toContain('| `--json <object>` | a \\| b |');
    expect(page).toContain('(default "table")');
    expect(page).toContain('| `tool` | its name |');
    expect(page).not.toContain('--secret');
  });
});

describe('proofs are found in titles', () => {
  const files = [
    {
      file: 'a.test.ts',
      text: `test('EF-72 none survives', () => {});\ntest.each([['x']])("HT-0.06 %s", f); // EF-21 not here\ndescribe('HT-C6 borders', f)`,
    },
    { file: 'b.test.ts', text: `/**\n * EF-29, HT-0.04: many clients\n */\ntest(\`X-01 and EF-72 it\`, f)` },
  ];

  test('in test, test.each and describe, and in a header comment, with all quotes', () => {
    const proofs = findProofs(files);
    expect([...proofs.keys()].toSorted()).toEqual(['EF-29', 'EF-72', 'HT-0.04', 'HT-0.06', 'HT-C6', 'X-01']);
    expect(proofs.get('EF-72')).toEqual([
      { file: 'a.test.ts', title: 'EF-72 none survives' },
      { file: 'b.test.ts', title: 'X-01 and EF-72 it' },
    ]);
  });

  test('a test that does not run proves nothing', () => {
    const text = `test.skip('EF-72 a', f); it.todo('EF-73 b'); describe.skip('EF-74 c', f); test.fails('EF-75 d', f); test.only('EF-76 e', f)`;
    expect([...findProofs([{ file: 'x.test.ts', text }]).keys()]).toEqual(['EF-76']);
  });

  test('a claim without a test and a test without a claim are problems', () => {
    const problems = requirementProblems(new Map([['EF-99', [{ file: 'x.test.ts', title: 'EF-99 y' }]]]));
    expect(problems).toContain('EF-99 is named by a test (x.test.ts) but not in requirements-table.ts');
    expect(problems).toContain('EF-72 is claimed (partly) but no test names it');
  });

  test('the page lists every row with its proofs', () => {
    const page = requirementsPage(findProofs(files));
    for (const id of Object.keys(requirements)) expect(page).toContain(`| ${id} |`);
    expect(page).toContain('`a.test.ts`: none survives');
  });
});

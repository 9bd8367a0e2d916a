/** What is generated for the charts, without rendering them; `test/charts` renders and installs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { metricTable as hubMetrics } from '../../hub-runtime/src/observe/index.ts';
import { operatorMetricTable } from '../../operator/src/process/index.ts';
import { root } from '../support/run.ts';
import { alerts, dashboards } from './index.ts';

interface Row {
  readonly type: string;
  readonly labels: readonly string[];
}
const operatorTable: Readonly<Record<string, Row>> = operatorMetricTable;
const hubTable: Readonly<Record<string, Row>> = hubMetrics;
/** Of the scrape, or of PromQL. */
const always = ['job', 'namespace', 'pod', 'le'];

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const strings = (value: unknown, key: string): string[] =>
  value === null || typeof value !== 'object'
    ? []
    : Object.entries(value).flatMap(([name, inner]) =>
        name === key && typeof inner === 'string' ? [inner] : strings(inner, key),
      );
const queries = [
  ...alerts.map(({ name, expr }) => [name, expr] as const),
  ...Object.entries(dashboards).flatMap(([name, board]) =>
    [...strings(board, 'expr'), ...strings(board, 'query').filter((text) => text.startsWith('label_values'))].map(
      (expr) => [name, expr] as const,
    ),
  ),
];

/** Metric names are everything in front of `{`; a histogram's series have endings of their own. */
function problems(expr: string): string[] {
  const table = expr.includes('job="quaymaster-hub"') ? hubTable : operatorTable;
  const found = [...expr.matchAll(/([a-z_]+)\{([^}]*)\}/g)];
  const all = found.flatMap(([, name = '', selector = '']) => {
    const bare = name.replace(/_(bucket|count|sum)$/, '');
    const row = table[name] ?? (table[bare]?.type === 'histogram' ? table[bare] : undefined);
    if (row === undefined) return [`no metric ${name}`];
    const by = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, words = '']) => words.split(', '));
    const matched = [...selector.matchAll(/(\w+)(?:=~|=|!=)"/g)].map(([, label = '']) => label);
    return [...by, ...matched]
      .filter((label) => !always.includes(label) && !row.labels.includes(label))
      .map((label) => `${name} has no label ${label}`);
  });
  return found.length === 0 ? ['no metric at all'] : all;
}

test('EF-74 dashboards and alerts ask for metrics and labels that exist', () => {
  expect(queries.length).toBeGreaterThan(25);
  expect(queries.flatMap(([where, expr]) => problems(expr).map((problem) => `${where}: ${problem}`))).toEqual([]);
  expect(problems('rate(quaymaster_nothing_total{job="quaymaster-hub"}[5m])')).toEqual([
    'no metric quaymaster_nothing_total',
  ]);
  expect(problems('sum by (user) (quaymaster_sessions{job="quaymaster-hub"})')).toHaveLength(1);
});

test('EF-75 every alert has its section in docs/alerts.md, and no section is without an alert', () => {
  const sections = [...read('docs/alerts.md').matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  expect(sections).toEqual(alerts.map((alert) => alert.name));
});

test('charts carry the version of the packages', () => {
  const { version } = JSON.parse(read('hub-runtime/package.json')) as { version: string };
  for (const chart of ['quaymaster-operator', 'quaymaster-crds']) {
    const about = parse(read(`charts/${chart}/Chart.yaml`)) as Record<string, Record<string, string>>;
    expect([about['version'], about['appVersion']]).toEqual([version, version]);
    const images = about['annotations']?.['artifacthub.io/images'];
    if (images !== undefined) for (const [, tag] of images.matchAll(/image: .*:(\S+)/g)) expect(tag).toBe(version);
  }
});

test('EF-64 every value is explained, and the schema lets nothing else through', () => {
  interface Node {
    readonly description?: string;
    readonly type?: unknown;
    readonly properties?: Readonly<Record<string, Node>>;
    readonly additionalProperties?: unknown;
  }
  const open: string[] = [];
  const mute: string[] = [];
  const visit = (node: Node, path: string): void => {
    if (node.properties === undefined) {
      if ((node.description ?? '').length < 8) mute.push(path);
      return;
    }
    if (node.additionalProperties !== false) open.push(path);
    for (const [name, child] of Object.entries(node.properties)) visit(child, `${path}.${name}`);
  };
  visit(JSON.parse(read('charts/quaymaster-operator/values.schema.json')) as Node, '');
  expect(open).toEqual(['.global']);
  expect(mute).toEqual([]);
});

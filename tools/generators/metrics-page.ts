/** `docs/reference/metrics.md`: every row of the metric tables of hubs and of the operator. */
import { durationBuckets, type MetricRow, metricTable } from '../../hub-runtime/src/observe/index.ts';
import { operatorMetricTable } from '../../operator/src/process/index.ts';

export function metricsPage(): string {
  const out = [
    '<!-- Generated from the metric tables (hub-runtime/src/observe, operator/src/process) by `make generate`. Do not edit. -->',
    '',
    '# Metrics',
    '',
    'The health listener serves them at `/metrics` in the Prometheus text format: `curl http://127.0.0.1:7576/metrics`.',
    '',
    '## Hubs',
    '',
    'Of `qm up` and of every replica of a hub in a cluster.',
    '',
    ...table(metricTable),
    '',
    '### Labels are bounded',
    '',
    '- `hub` and `server` are `namespace/name` of objects in the configuration. Series of a server go when it leaves.',
    '- `method` is a method of the specification; anything else is `_other`.',
    '- `target` is the name of a tool or prompt, never a resource URI. The first 200 names of a server and 250 in all have series of their',
    '  own, later ones are `_other`. A name that reached no server is always `_other`.',
    '- `outcome` is `ok`, `tool_error` (the tool said so itself), `error` or `cancelled`.',
    '- `code` is a `QM_` code, a JSON-RPC code of the specification, or `_other`.',
    '',
    'No label ever holds an argument, a result, a user, a session or a request id.',
    '',
    `Buckets of the duration histogram, in seconds: ${durationBuckets.join(', ')}.`,
    '',
    '## The operator',
    '',
    'Names that dashboards for client-go and controller-runtime know are used where there are any. Labels name kinds, controllers, reasons and',
    'status codes, never objects or people.',
    '',
    ...table(operatorMetricTable),
  ];
  return `${out.join('\n')}\n`;
}

function table(rows: Readonly<Record<string, MetricRow>>): string[] {
  return [
    '| Metric | Type | Labels | Meaning |',
    '| --- | --- | --- | --- |',
    ...Object.entries(rows)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, { type, labels, help }]) => `| \`${name}\` | ${type} | ${listed(labels)} | ${help} |`),
  ];
}

function listed(labels: readonly string[]): string {
  return labels.map((label) => `\`${label}\``).join(', ');
}

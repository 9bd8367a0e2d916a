/** `docs/reference/metrics.md`: every row of the metric table. */
import { durationBuckets, type MetricRow, metricTable } from '../../hub-runtime/src/observe/index.ts';

export function metricsPage(): string {
  const out = [
    '<!-- Generated from hub-runtime/src/observe/metric-table.ts by `make generate`. Do not edit. -->',
    '',
    '# Metrics',
    '',
    'The health listener serves them at `/metrics` in the Prometheus text format: `curl http://127.0.0.1:7576/metrics`.',
    '',
    '| Metric | Type | Labels | Meaning |',
    '| --- | --- | --- | --- |',
  ];
  for (const [name, row] of Object.entries(metricTable as Readonly<Record<string, MetricRow>>)) {
    out.push(`| \`${name}\` | ${row.type} | ${row.labels.map((label) => `\`${label}\``).join(', ')} | ${row.help} |`);
  }
  out.push(
    '',
    '## Labels are bounded',
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
  );
  return `${out.join('\n')}\n`;
}

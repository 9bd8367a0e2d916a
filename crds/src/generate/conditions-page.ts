/** `docs/reference/conditions.md`: one section per condition reason, from the table. */
import { conditionTypes } from '../conditions/index.ts';
import type { ConditionRow } from '../conditions/index.ts';

const aspects: Readonly<Record<(typeof conditionTypes)[number], string>> = {
  Accepted: 'The manifest is valid.',
  ResolvedRefs: 'Everything it refers to exists.',
  Programmed: 'The running configuration is the declared one.',
  Ready: 'It serves. Always present.',
  Reconciling: 'Work is under way.',
  Stalled: 'Work cannot go on without a human.',
  Degraded: 'It serves less well than declared.',
  Insecure: 'It is open by declaration. Only on hubs, only while true.',
};

export function conditionsPage(table: Readonly<Record<string, ConditionRow>>): string {
  const out = [
    '<!-- Generated from crds/src by `make generate`. Do not edit. -->',
    '',
    '# Conditions',
    '',
    '`status.conditions` of McpServer and McpHub tell what is so and what to do about it. `qm get servers -o yaml` shows them on a laptop, `kubectl get mcs -o yaml` in a cluster.',
    'Reasons are stable: tools may match on them. `lastTransitionTime` changes only when the status of an aspect does.',
    '',
    '| Aspect | True means |',
    '| --- | --- |',
    ...conditionTypes.map((type) => `| ${type} | ${aspects[type]} |`),
    '',
    '## Reasons',
    '',
  ];
  for (const [reason, row] of Object.entries(table).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const where = Object.entries(row.on).map(([type, status]) => `\`${type}=${status}\``);
    out.push(
      `### ${reason}`,
      '',
      `${where.join(', ')} on ${row.kinds.join(' and ')} · ${row.severity}`,
      '',
      row.meaning,
      '',
    );
    if (row.next !== '') out.push(`**What to do:** ${row.next}.`, '');
  }
  return `${out.join('\n').trimEnd()}\n`;
}

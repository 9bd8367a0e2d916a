/** `docs/reference/errors.md`: every row of the error table. */
import { type ErrorRow, errorTable } from 'quaymaster/base';

const retries: Readonly<Record<ErrorRow['retry'], string>> = {
  never: 'no: it would fail again',
  later: 'yes: nothing was executed',
  unsafe: 'only if repeating does no harm: it may have been executed',
};

/** Stands in for the details of a message, so that a page can show `<server>`. */
const placeholders = new Proxy<Record<string, string>>({}, { get: (_target, name) => `<${String(name)}>` });

export function errorsPage(): string {
  const out = [
    '<!-- Generated from hub-runtime/src/base/errors.ts by `make generate`. Do not edit. -->',
    '',
    '# Error codes',
    '',
    'Every error of the hub itself carries a stable code. On MCP it stands in `error.data.code`, next to `severity`, `retryable`, `retry` and `next`;',
    'on the command line it is printed with the message. Codes are never renamed and never used again for something else.',
    '',
    'Errors of the protocol and of tools are never mixed. A few codes are told as a failed result of the tool (`isError`), because the model that called can',
    'do something about them; code, severity and retry then stand in `_meta["dev.quaymaster/error"]`. All others are JSON-RPC errors. What a server answers is relayed as',
    'it came and has no such code: its JSON-RPC errors stay errors, its `isError` results stay results.',
    '',
    'Severity says what an error means for hub and servers, and is its weight in a circuit breaker (low 0, medium 0.5, high 1, critical 2): `low` is the',
    'business of whoever called, `medium` a single call or tool, `high` a whole server or a limit of the hub, `critical` the hub itself. Of relayed errors, "internal error" (-32603)',
    'and the codes of servers of their own (-32000 to -32019, without -32002) are `medium`, all others and failed results of tools `low`.',
    '',
    '| Code | Severity | Told as | HTTP | JSON-RPC | Send again? |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  const rows = Object.entries(errorTable as Readonly<Record<string, ErrorRow>>).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  for (const [code, row] of rows)
    out.push(
      row.told === 'tool'
        ? `| [${code}](#${code.toLowerCase()}) | ${row.severity} | failed result | 200 | - | ${retries[row.retry]} |`
        : `| [${code}](#${code.toLowerCase()}) | ${row.severity} | error | ${row.http} | ${row.rpc} | ${retries[row.retry]} |`,
    );
  for (const [code, row] of rows) {
    out.push('', `## ${code}`, '', `> ${escape(row.say(placeholders))}`, '', `${sentence(escape(row.next))}`, '');
    const told =
      row.told === 'tool'
        ? 'A failed result of the tool.'
        : `HTTP ${row.http} for modern clients, JSON-RPC ${row.rpc}.`;
    out.push(`${told} Severity ${row.severity}. Send again: ${retries[row.retry]}.`);
  }
  return `${out.join('\n')}\n`;
}

function sentence(text: string): string {
  const upper = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}

/** Angle brackets would be taken for HTML. */
function escape(text: string): string {
  return text.replaceAll('<', '&lt;');
}

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
    'Every error of the hub itself carries a stable code. On MCP it stands in `error.data.code`, next to `retryable`, `retry` and `next`;',
    'on the command line it is printed with the message. Codes are never renamed and never used again for something else.',
    'Errors that a server answers are relayed as they came and have no such code.',
    '',
    '| Code | HTTP | JSON-RPC | Send again? |',
    '| --- | --- | --- | --- |',
  ];
  const rows = Object.entries(errorTable as Readonly<Record<string, ErrorRow>>);
  for (const [code, row] of rows)
    out.push(`| [${code}](#${code.toLowerCase()}) | ${row.http} | ${row.rpc} | ${retries[row.retry]} |`);
  for (const [code, row] of rows) {
    out.push('', `## ${code}`, '', `> ${escape(row.say(placeholders))}`, '', `${sentence(escape(row.next))}`, '');
    out.push(
      `HTTP ${row.http} for modern clients, JSON-RPC ${row.rpc}. Severity ${row.severity}. Send again: ${retries[row.retry]}.`,
    );
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

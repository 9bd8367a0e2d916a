import type { Command } from 'commander';

import type { ToolRow } from '../../local/control/index.ts';
import {
  type Cli,
  CliError,
  exitCode,
  findHub,
  pickKey,
  printable,
  toolArguments,
  type TargetOptions,
  withOutput,
  withTarget,
} from '../support/index.ts';

type Options = TargetOptions & { readonly output: string; readonly json?: string; readonly hub?: string };

export function addCall(program: Command, cli: Cli): void {
  const command = program
    .command('call')
    .summary('calls a tool of the running hub')
    .description(
      'Calls a tool and prints its result. Arguments are key=value, read by the types of the tool; key:=JSON gives any JSON value,\n' +
        '--json gives all of them at once (- reads stdin). Exits 1 when the tool reports an error.',
    )
    .argument('<tool>', 'name as `qm get tools` shows it')
    .argument('[arguments...]', 'key=value or key:=JSON')
    .option('--json <object>', 'all arguments as one JSON object; - reads them from stdin')
    .option('--hub <name>', 'hub to call; without it the first that offers the tool');
  withOutput(withTarget(command)).action((tool: string, pairs: readonly string[], options: Options) =>
    call(cli, tool, pairs, options),
  );
}

async function call(cli: Cli, tool: string, pairs: readonly string[], options: Options): Promise<void> {
  const { client } = await findHub(cli, options);
  const hubs = options.hub === undefined ? undefined : (await client.hubs()).map((one) => one.key);
  const hub = hubs === undefined ? undefined : pickKey('hub', options.hub ?? '', hubs);
  const tools = await client.tools(hub);
  const found = tools.find((one) => one.name === tool);
  if (found === undefined) throw await unknownTool(tool, tools);
  const json = options.json === '-' ? await readAll(cli) : options.json;
  const args = toolArguments(pairs, json, found.definition['inputSchema']);
  const answer = await client.call({ tool, arguments: args, hub: found.hub });
  if (options.output === 'json')
    cli.out(JSON.stringify(answer.kind === 'result' ? answer.result : { error: answer }, undefined, 2));
  if (answer.kind === 'error') {
    const next = (answer.data as { next?: string } | undefined)?.next ?? '';
    throw new CliError(exitCode.no, `${printable(answer.message)} (${answer.code})`, next);
  }
  if (options.output !== 'json') for (const line of resultLines(answer.result)) cli.out(line);
  if (answer.result['isError'] === true)
    throw new CliError(exitCode.no, options.output === 'json' ? '' : 'the tool reported an error');
}

async function unknownTool(tool: string, tools: readonly ToolRow[]): Promise<CliError> {
  const { nearest } = await import('@quaymaster/crds');
  const guess = nearest(
    tool,
    tools.map((one) => one.name),
  );
  return new CliError(
    exitCode.no,
    `there is no tool "${tool}"`,
    guess === undefined ? '`qm get tools` lists them' : `did you mean ${guess}?`,
  );
}

async function readAll(cli: Cli): Promise<string> {
  let text = '';
  for await (const chunk of cli.stdin) text += String(chunk);
  return text;
}

/** Text as text, everything else as one line that says what it is. */
function resultLines(result: Readonly<Record<string, unknown>>): string[] {
  const content = Array.isArray(result['content']) ? (result['content'] as Record<string, unknown>[]) : [];
  const lines = content.map(contentLine);
  if (lines.length === 0 && result['structuredContent'] !== undefined)
    lines.push(JSON.stringify(result['structuredContent'], undefined, 2));
  return lines;
}

function contentLine(part: Record<string, unknown>): string {
  if (part['type'] === 'text') return printable(String(part['text'] ?? ''));
  if (part['type'] === 'resource_link') return `[resource ${printable(String(part['uri'] ?? ''))}]`;
  const size = typeof part['data'] === 'string' ? `, ${part['data'].length} characters of base64` : '';
  return `[${printable(String(part['type'] ?? 'content'))}${part['mimeType'] === undefined ? '' : ` ${printable(String(part['mimeType']))}`}${size}; --output json shows it]`;
}

/** `docs/reference/cli.md`: every command with its arguments and options, as the program itself defines them. */

/** What this page reads of a commander command. */
export interface CommandShape {
  name(): string;
  description(): string;
  usage(): string;
  readonly commands: readonly CommandShape[];
  readonly options: readonly {
    readonly flags: string;
    readonly description: string;
    readonly defaultValue?: unknown;
    readonly hidden: boolean;
  }[];
  readonly registeredArguments: readonly { readonly description: string; name(): string }[];
}

export function cliPage(program: CommandShape, exitCodes: readonly (readonly [number, string])[] = []): string {
  const out = [
    '<!-- Generated from the commands in hub-runtime/src/cli by `make generate`. Do not edit. -->',
    '',
    '# Command line',
    '',
    `\`${program.name()}\` and \`quaymaster\` are the same program. ${oneLine(program.description())}`,
  ];
  if (program.options.length > 0) out.push('', ...optionTable(program));
  for (const command of leaves(program, program.name())) {
    out.push(
      '',
      `## ${command.path}`,
      '',
      command.shape.description().trim(),
      '',
      '```',
      `${command.path} ${command.shape.usage()}`.trimEnd(),
      '```',
    );
    const described = command.shape.registeredArguments.filter((argument) => argument.description !== '');
    if (described.length > 0) {
      out.push('', '| Argument | Meaning |', '| --- | --- |');
      for (const argument of described) out.push(`| \`${argument.name()}\` | ${cell(argument.description)} |`);
    }
    if (command.shape.options.length > 0) out.push('', ...optionTable(command.shape));
  }
  if (exitCodes.length > 0) {
    out.push('', '## Exit codes', '', '| Code | Meaning |', '| --- | --- |');
    for (const [code, meaning] of exitCodes) out.push(`| ${code} | ${cell(meaning)} |`);
  }
  return `${out.join('\n')}\n`;
}

/** Commands that do something, with all the words that lead to them. */
function leaves(
  command: CommandShape,
  path: string,
): readonly { readonly path: string; readonly shape: CommandShape }[] {
  return command.commands
    .filter((each) => each.name() !== 'help')
    .flatMap((each) => {
      const own = { path: `${path} ${each.name()}`, shape: each };
      return each.commands.length === 0 ? [own] : leaves(each, own.path);
    });
}

function optionTable(command: CommandShape): string[] {
  const rows = command.options
    .filter((option) => !option.hidden)
    .map((option) => {
      const standard =
        option.defaultValue === undefined || option.defaultValue === false
          ? ''
          : ` (default ${cell(JSON.stringify(option.defaultValue))})`;
      return `| \`${option.flags.replaceAll('|', '\\|')}\` | ${cell(option.description)}${standard} |`;
    });
  return ['| Option | Meaning |', '| --- | --- |', ...rows];
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function cell(text: string): string {
  return oneLine(text).replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

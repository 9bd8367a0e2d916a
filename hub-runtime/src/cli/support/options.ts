/** Options that several commands share, worded once. */
import { type Command, InvalidArgumentError, Option } from 'commander';

export interface TargetOptions {
  readonly file?: readonly string[];
  readonly stateDir?: string;
}

export function withManifests(command: Command, required: boolean): Command {
  const option = new Option(
    '-f, --file <path...>',
    'manifests: files, directories (not their sub-directories), - for stdin; also .mcp.json and the files of Claude Desktop, VS Code and Cursor',
  );
  return command.addOption(required ? option.makeOptionMandatory() : option);
}

export interface ValueOptions {
  readonly envFile?: readonly string[];
  readonly secret?: readonly string[];
}

/**
 * Two options, not one with a prefix: Node itself looks for `--env-file` on the whole command line, even behind the script, and ends with
 * "not found" unless what follows is a file.
 */
export function withValues(command: Command): Command {
  return command
    .option('--env-file <path...>', 'variables for ${VAR} in client files')
    .addOption(
      new Option(
        '--secret <name=path...>',
        'the Secret of that name, from a file of variables, as `kubectl create secret generic NAME --from-env-file=PATH` makes it',
      ).argParser(collectSecrets),
    );
}

function collectSecrets(text: string, all: readonly string[] | undefined): readonly string[] {
  if (!/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?=./.test(text))
    throw new InvalidArgumentError('write NAME=FILE, with the name of the Secret');
  return [...(all ?? []), text];
}

/** As `local/load` reads them. */
export function valueFiles({ envFile = [], secret = [] }: ValueOptions): readonly string[] {
  return [...envFile, ...secret];
}

/** For commands that talk to a running hub. One path per option: these commands have arguments of their own. */
export function withTarget(command: Command, flags = '-f, --file <path>'): Command {
  return command
    .option(
      flags,
      'the -f of the hub that is meant, when several run; may be repeated',
      (path: string, all: readonly string[] | undefined) => [...(all ?? []), path],
    )
    .option('--state-dir <dir>', 'state directory of the hub (env QM_STATE_DIR)');
}

export type OutputFormat = 'text' | 'wide' | 'yaml' | 'json';

export function withOutput(command: Command, formats: readonly OutputFormat[] = ['text', 'json']): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'form of the output').choices([...formats]).default(formats[0]),
  );
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('give a whole number');
  return Number(text);
}

export function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('a port is a number from 0 to 65535; 0 takes a free one');
  return port;
}

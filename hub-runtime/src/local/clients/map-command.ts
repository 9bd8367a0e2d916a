/**
 * From the command line of a client file to a source.
 *
 * Pinned packages behind `npx` and `uvx` become package sources: installed once, no wrapper process in front. Anything else stays a command,
 * with a note where pinning would help. Options this does not know keep the command as it is: better slow than different.
 */
export interface MappedCommand {
  readonly source: Readonly<Record<string, unknown>>;
  readonly note: string | undefined;
}

const exactNpm = /^((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)@(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?)$/;
const exactPypi = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:==|@)([0-9][0-9A-Za-z.+!_-]*)$/;

export function mapCommand(command: string, args: readonly string[]): MappedCommand {
  const unwrapped = unwrapShell(command, args);
  const program = baseName(unwrapped.command);
  if (program === 'npx') return mapNpx(unwrapped.command, unwrapped.args);
  if (program === 'uvx') return mapUvx(unwrapped.command, unwrapped.args);
  return { source: asCommand(command, args), note: undefined };
}

/** Windows configurations start `.cmd` files through `cmd /c`. */
function unwrapShell(command: string, args: readonly string[]): { command: string; args: readonly string[] } {
  const [flag, inner, ...rest] = args;
  if (baseName(command) === 'cmd' && flag?.toLowerCase() === '/c' && inner !== undefined)
    return { command: inner, args: rest };
  return { command, args };
}

function baseName(command: string): string {
  return (command.split(/[\\/]/).at(-1) ?? command).toLowerCase().replace(/\.(cmd|exe|bat)$/, '');
}

function mapNpx(command: string, args: readonly string[]): MappedCommand {
  let rest = args;
  let named: string | undefined;
  while (rest[0]?.startsWith('-') === true) {
    const flag = rest[0];
    if (flag === '-y' || flag === '--yes' || flag === '-q' || flag === '--quiet' || flag === '--') rest = rest.slice(1);
    else if (flag === '-p' || flag === '--package') {
      if (named !== undefined) return { source: asCommand(command, args), note: undefined };
      named = rest[1];
      rest = rest.slice(2);
    } else if (flag.startsWith('--package=')) {
      named = flag.slice('--package='.length);
      rest = rest.slice(1);
    } else return { source: asCommand(command, args), note: undefined };
  }
  const spec = named ?? rest[0];
  const tail = rest[0] === '--' ? rest.slice(1) : rest;
  const bin = named === undefined ? undefined : tail[0];
  const match = exactNpm.exec(spec ?? '');
  if (match === null) return { source: asCommand(command, args), note: unpinned('npx', spec, 'name@1.2.3') };
  const [, name, version] = match;
  const npm = { package: name, version, ...(bin === undefined ? {} : { bin }), args: tail.slice(1) };
  return { source: { npm }, note: undefined };
}

function mapUvx(command: string, args: readonly string[]): MappedCommand {
  let rest = args;
  let from: string | undefined;
  let python: string | undefined;
  const further: string[] = [];
  while (rest[0]?.startsWith('-') === true) {
    const [flag = '', value] = rest;
    if (value === undefined) return { source: asCommand(command, args), note: undefined };
    if (flag === '--from') from = value;
    else if (flag === '--with') further.push(value);
    else if ((flag === '--python' || flag === '-p') && /^3(\.[0-9]{1,2}){0,2}$/.test(value)) python = value;
    else return { source: asCommand(command, args), note: undefined };
    rest = rest.slice(2);
  }
  const spec = from ?? rest[0];
  const match = exactPypi.exec(spec ?? '');
  if (match === null) return { source: asCommand(command, args), note: unpinned('uvx', spec, 'name==1.2.3') };
  const [, name, version] = match;
  const bin = from === undefined ? undefined : rest[0];
  const pypi = {
    package: name,
    version,
    ...(bin === undefined ? {} : { bin }),
    args: rest.slice(1),
    ...(further.length === 0 ? {} : { with: further }),
    ...(python === undefined ? {} : { python }),
  };
  return { source: { pypi }, note: undefined };
}

function asCommand(command: string, args: readonly string[]): Readonly<Record<string, unknown>> {
  return { command: { command, args } };
}

function unpinned(tool: string, spec: string | undefined, form: string): string {
  return `${tool} looks up ${spec ?? 'its package'} at each start: pin it as ${form} to have it installed once and started directly`;
}

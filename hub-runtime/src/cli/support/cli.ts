/** What a command knows of the world around it. Injected, so that tests run commands without a process. */
import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

export interface Cli {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly version: string;
  /** Where the signals of the process arrive. */
  readonly signals: SignalSource;
  /** How this program was started, without its own arguments. */
  readonly self: readonly [command: string, ...args: string[]];
  readonly colors: Colors;
  /** Stdout is a terminal that takes cursor movements. */
  readonly live: boolean;
  /** Somebody can answer a question. */
  readonly interactive: boolean;
  /** A line on stdout: results. */
  out(line: string): void;
  /** A line on stderr: everything said about the results. */
  err(line: string): void;
}

export function processCli(version: string): Cli {
  const { env, stdin, stdout, stderr } = process;
  // `isTTY` is absent, not false, where there is no terminal, and absent means "guess" to the colours.
  const terminal = Boolean(stdout.isTTY) && env['TERM'] !== 'dumb';
  return {
    cwd: process.cwd(),
    env,
    stdin,
    stdout,
    version,
    signals: process,
    self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    colors: pc.createColors(terminal && env['NO_COLOR'] === undefined),
    live: terminal && env['CI'] === undefined,
    interactive: Boolean(stdin.isTTY) && Boolean(stdout.isTTY),
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
  };
}

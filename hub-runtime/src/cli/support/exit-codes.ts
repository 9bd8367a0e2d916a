/** Exit codes of `qm`. They are part of the interface: scripts may test for them. */
export const exitCode = {
  ok: 0,
  /** The command ran and the answer is no: a tool reported an error, a manifest is invalid, doctor found something. */
  no: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** Nothing can run with these manifests. */
  nothingToRun: 3,
  /** No hub is running, or the one asked for cannot be told. */
  noHub: 4,
  /** Something else is in the way: a hub of the same project, another program on the port, a state directory that cannot be used. */
  occupied: 5,
  /** An error of our own. */
  internal: 70,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCode.ok, 'done; also after Ctrl-C or SIGTERM ended `qm up` in order'],
  [
    exitCode.no,
    'it ran, and the answer is no: the tool reported an error, a manifest is invalid, `doctor` found something',
  ],
  [exitCode.usage, 'the command line is wrong'],
  [exitCode.nothingToRun, 'nothing can run with these manifests (with `--strict`: something in them is wrong)'],
  [exitCode.noHub, 'no hub is running, or there are several and none was named'],
  [
    exitCode.occupied,
    'something is in the way: a hub of the same project, another program on the port, a state directory that cannot be used',
  ],
  [exitCode.internal, 'an error of Quaymaster itself'],
];

/** Ends a command with one clear message, the next step and a code. */
export class CliError extends Error {
  readonly next: string;
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string, next = '') {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.next = next;
  }
}

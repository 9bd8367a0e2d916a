/** Programs beside Node that some test runs, and where they come from. */
export interface Tool {
  readonly command: string;
  /** Arguments that make it print its version. */
  readonly args: readonly string[];
  /** Lowest version that will do, as `major.minor`. */
  readonly atLeast?: string;
  readonly debian: readonly string[];
  readonly why: string;
  /** A program that does the same job: one of the two is enough. */
  readonly orElse?: string;
  /** The only system where it is needed. */
  readonly platform?: NodeJS.Platform;
}

/** What test/cluster runs beside Go; that tool names the same ones when they are missing. */
const cluster = (command: string, args: readonly string[], debian: readonly string[]): Tool => ({
  command,
  args,
  debian,
  why: 'a Kubernetes cluster for tests',
  platform: 'linux',
});

export const tools: readonly Tool[] = [
  { command: 'git', args: ['--version'], debian: ['git'], why: 'generated files are compared with what is checked in' },
  {
    command: 'go',
    args: ['version'],
    atLeast: '1.21',
    debian: ['golang-go'],
    why: 'builds the server that the conformance suite runs against, and Kubernetes for tests',
  },
  {
    command: 'python3',
    args: ['--version'],
    atLeast: '3.10',
    debian: ['python3', 'python3-venv'],
    why: 'servers from PyPI',
  },
  {
    command: 'pipx',
    args: ['--version'],
    debian: ['pipx'],
    why: 'servers from PyPI, where uv is not installed',
    orElse: 'uv',
  },
  {
    command: 'pip3',
    args: ['--version'],
    debian: ['python3-pip'],
    why: 'fetches uv for the image of the runner',
    orElse: 'pip',
    platform: 'linux',
  },
  {
    command: 'dpkg-deb',
    args: ['--version'],
    debian: ['dpkg'],
    why: 'unpacks the libraries of the images',
    platform: 'linux',
  },
  { command: 'ps', args: ['--version'], debian: ['procps'], why: 'tests that look for orphaned processes' },
  {
    command: 'redis-server',
    args: ['--version'],
    debian: ['redis-server'],
    why: 'a store of sessions for tests',
    orElse: 'valkey-server',
  },
  { command: 'lua5.1', args: ['-v'], debian: ['lua5.1'], why: 'health checks and actions for Argo CD' },
  cluster('openssl', ['version'], ['openssl']),
  cluster('unshare', ['--version'], ['util-linux']),
  cluster('ip', ['-V'], ['iproute2']),
  cluster('jq', ['--version'], ['jq']),
  cluster('gcc', ['--version'], ['gcc', 'libc6-dev']),
];

export function lacks(tool: Tool, output: string | undefined): boolean {
  if (output === undefined) return true;
  if (tool.atLeast === undefined) return false;
  const version = /(\d+)\.(\d+)/.exec(output);
  if (version === null) return true;
  const [major = 0, minor = 0] = tool.atLeast.split('.').map(Number);
  const have = [Number(version[1]), Number(version[2])] as const;
  return have[0] < major || (have[0] === major && have[1] < minor);
}

export function missingTools(all: readonly Tool[], found: ReadonlyMap<string, string | undefined>): readonly Tool[] {
  return all.filter(
    (tool) =>
      lacks(tool, found.get(tool.command)) && (tool.orElse === undefined || found.get(tool.orElse) === undefined),
  );
}

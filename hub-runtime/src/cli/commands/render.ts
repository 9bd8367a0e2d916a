import type { ConditionDraft, Issue, KubeObject, RenderSettings } from '@quaymaster/crds';
import { type Command, InvalidArgumentError } from 'commander';

import { type Cli, CliError, exitCode, withManifests, withOutput } from '../support/index.ts';

interface Options {
  readonly file: readonly string[];
  readonly settings?: string;
  readonly namespace?: string;
  readonly output: string;
}

export function addRender(program: Command, cli: Cli): void {
  const command = program
    .command('render')
    .summary('prints what a cluster would run for these manifests')
    .description(
      'Prints the Kubernetes objects the operator applies for these manifests, byte for byte the same for the same input. Needs no cluster and\n' +
        'changes nothing. Secrets are only referred to: no value is printed, and those the manifests do not declare are taken for granted.\n' +
        'Exits 0 when everything can run, 1 when something is left out.',
    )
    .option('--settings <path>', 'settings of the installation (images, mirrors, resources ...) as YAML or JSON')
    .option('-n, --namespace <name>', 'namespace of objects that name none', namespaceName);
  withOutput(withManifests(command, true), ['yaml', 'json']).action((options: Options) => render(cli, options));
}

async function render(cli: Cli, options: Options): Promise<void> {
  const [{ renderHub, renderServer }, { loadProject, toYaml }, { formatProblem, problem }] = await Promise.all([
    import('@quaymaster/crds'),
    import('../../local/project/index.ts'),
    import('../../local/problems/index.ts'),
  ]);
  const settings = await readSettings(cli, options.settings);
  const project = await loadProject({
    paths: options.file,
    envFiles: [],
    cwd: cli.cwd,
    env: cli.env,
    stdin: cli.stdin,
    cluster: { namespace: options.namespace },
  });
  const { compiled } = project;
  const rendered = [
    ...compiled.servers.map((outcome) => ({ outcome, ...renderServer({ outcome, settings }) })),
    ...compiled.hubOutcomes.map((outcome) => ({ outcome, ...renderHub({ outcome, settings }) })),
  ];
  print(
    cli,
    options.output,
    rendered.flatMap((one) => one.objects),
    toYaml,
  );
  const problems = [
    ...project.problems,
    ...rendered.flatMap(({ outcome, problems: found }) => {
      const loaded = project.objects.find(({ object }) => object === outcome.object);
      const where = {
        file: loaded?.file === '' ? undefined : loaded?.file,
        position: loaded?.locate('metadata.name'),
        subject: `${outcome.object.kind} ${outcome.key}`,
      };
      return found.map((one) => problem(level(one), `${one.reason}: ${one.message}`, one.next, where));
    }),
  ];
  for (const one of problems) cli.err(formatProblem(one));
  if (problems.some((one) => one.level === 'error')) throw new CliError(exitCode.no, '');
}

const level = ({ severity }: ConditionDraft): 'error' | 'warning' => (severity === 'error' ? 'error' : 'warning');

function print(cli: Cli, format: string, objects: readonly KubeObject[], toYaml: (value: unknown) => string): void {
  if (format === 'json')
    return cli.out(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, undefined, 2));
  if (objects.length > 0)
    cli.out(
      objects
        .map((object) => toYaml(object))
        .join('---\n')
        .trimEnd(),
    );
}

async function readSettings(cli: Cli, file: string | undefined): Promise<RenderSettings> {
  // yaml is CommonJS: a bundler gives it a default only, Node both.
  const [{ defaultRenderSettings, describeIssue, readRenderSettings }, { readFile }, path, { default: yaml }] =
    await Promise.all([import('@quaymaster/crds'), import('node:fs/promises'), import('node:path'), import('yaml')]);
  if (file === undefined) return defaultRenderSettings(cli.version);
  let value: unknown;
  try {
    // An empty file has no settings, which are all the defaults.
    value = (yaml.parse(await readFile(path.resolve(cli.cwd, file), 'utf8')) as unknown) ?? {};
  } catch (error) {
    throw new CliError(exitCode.usage, `${file} cannot be read: ${(error as Error).message}`);
  }
  const settings = readRenderSettings(value, cli.version);
  if (!isIssues(settings)) return settings;
  throw new CliError(
    exitCode.usage,
    `${file} is not valid:\n${settings.map((one) => `  ${describeIssue(one)}`).join('\n')}`,
  );
}

function isIssues(settings: RenderSettings | readonly Issue[]): settings is readonly Issue[] {
  return Array.isArray(settings);
}

function namespaceName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('a namespace has at most 63 lower-case letters, digits and -');
}

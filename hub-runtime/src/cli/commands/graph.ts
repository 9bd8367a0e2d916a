import { type Command, Option } from 'commander';

import { type Cli, CliError, exitCode, findHub, type TargetOptions, withTarget } from '../support/index.ts';

type Form = 'text' | 'json' | 'dot';
type Options = TargetOptions & {
  readonly output: Form;
  readonly json?: boolean;
  readonly dot?: boolean;
  readonly hub?: string;
  readonly notable?: boolean;
};

export function addGraph(program: Command, cli: Cli): void {
  const command = program
    .command('graph')
    .summary('what clients see of each server, under which name, and what not and why')
    .description(
      'Shows the capability graph of the running hub: every tool, prompt and resource that its servers list, the name clients call it by, or why they do not see it (hidden by the manifest, colliding, refused), and which servers are down.',
    )
    .option('--hub <name>', 'only this hub: name, or namespace/name')
    .option('--notable', 'only what is renamed, hidden, colliding or refused (text)')
    .addOption(
      new Option('-o, --output <format>', 'form of the output; dot is for Graphviz')
        .choices(['text', 'json', 'dot'])
        .default('text'),
    )
    .addOption(new Option('--json', 'short for -o json').conflicts(['dot']))
    .option('--dot', 'short for -o dot');
  withTarget(command).action((options: Options) => graph(cli, options, formOf(options)));
}

function formOf({ output, json, dot }: Options): Form {
  return json === true ? 'json' : dot === true ? 'dot' : output;
}

async function graph(cli: Cli, { hub, notable = false, ...target }: Options, form: Form): Promise<void> {
  const { client } = await findHub(cli, target);
  const all = await client.graphs();
  const graphs = hub === undefined ? all : all.filter((one) => one.hub === hub || one.hub.endsWith(`/${hub}`));
  if (hub !== undefined && graphs.length === 0)
    throw new CliError(exitCode.no, `there is no hub ${hub}; there are: ${all.map((one) => one.hub).join(', ')}`);
  if (form === 'json') return cli.out(JSON.stringify({ hubs: graphs }, undefined, 2));
  const { graphDot, graphText } = await import('../../graph/index.ts');
  if (form === 'dot') return cli.out(graphDot(graphs));
  for (const one of graphs) for (const line of graphText(one, { notable })) cli.out(line);
}

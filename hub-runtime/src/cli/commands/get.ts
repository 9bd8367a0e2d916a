import { Argument, type Command } from 'commander';

import type { HubRow, ServerRow, ToolRow } from '../../local/control/index.ts';
import {
  age,
  type Cli,
  findHub,
  type OutputFormat,
  printable,
  table,
  type TargetOptions,
  withOutput,
  withTarget,
} from '../support/index.ts';

type What = 'hubs' | 'servers' | 'tools';
type Options = TargetOptions & { readonly output: OutputFormat };

/** Names kubectl users have in their fingers. */
const aliases: Readonly<Record<string, What>> = {
  hub: 'hubs',
  hubs: 'hubs',
  mch: 'hubs',
  mchs: 'hubs',
  mcphub: 'hubs',
  mcphubs: 'hubs',
  server: 'servers',
  servers: 'servers',
  mcs: 'servers',
  mcpserver: 'servers',
  mcpservers: 'servers',
  tool: 'tools',
  tools: 'tools',
};

export function addGet(program: Command, cli: Cli): void {
  const command = program
    .command('get')
    .summary('lists hubs, servers or tools of the running hub')
    .description(
      'Lists hubs, servers or tools of the running hub. `-o yaml` and `-o json` print whole objects with their status, as kubectl does.',
    )
    .addArgument(new Argument('<what>', 'hubs, servers or tools').choices(Object.keys(aliases)));
  withOutput(withTarget(command), ['text', 'wide', 'yaml', 'json']).action((what: string, options: Options) =>
    get(cli, aliases[what] ?? 'hubs', options),
  );
}

async function get(cli: Cli, what: What, options: Options): Promise<void> {
  const { client } = await findHub(cli, options);
  if (options.output === 'yaml' || options.output === 'json') {
    const items =
      what === 'tools' ? await client.tools() : await client.objects(what === 'hubs' ? 'McpHub' : 'McpServer');
    if (options.output === 'json') return cli.out(JSON.stringify(what === 'tools' ? items : list(items), undefined, 2));
    const { toYaml } = await import('../../local/project/index.ts');
    return cli.out(
      items
        .map((item) => toYaml(item))
        .join('---\n')
        .trimEnd(),
    );
  }
  const wide = options.output === 'wide';
  if (what === 'hubs') print(cli, hubTable(await client.hubs(), wide));
  else if (what === 'servers') print(cli, serverTable(await client.servers(), wide));
  else print(cli, toolTable(await client.tools(), wide));
}

function list(items: readonly unknown[]): object {
  return { apiVersion: 'v1', kind: 'List', items };
}

type Rows = readonly [head: readonly string[], rows: readonly (readonly string[])[]];

function print(cli: Cli, [head, rows]: Rows): void {
  for (const line of table(head, rows, { width: cli.live ? cli.stdout.columns : undefined })) cli.out(line);
}

function hubTable(hubs: readonly HubRow[], wide: boolean): Rows {
  const head = ['NAME', 'READY', 'SERVERS', 'TOOLS', 'URL', ...(wide ? ['CONFIG', 'INSECURE'] : [])];
  const rows = hubs.map((hub) => [
    short(hub.key),
    hub.ready,
    `${hub.servers.ready}/${hub.servers.total}`,
    String(hub.tools),
    hub.url,
    ...(wide ? [hub.configHash, String(hub.insecure)] : []),
  ]);
  return [head, rows];
}

function serverTable(servers: readonly ServerRow[], wide: boolean): Rows {
  const head = [
    'NAME',
    'PHASE',
    'TOOLS',
    'TRANSPORT',
    'PROTOCOL',
    'RESTARTS',
    'SINCE',
    ...(wide ? ['PID', 'SOURCE', 'HUBS'] : []),
    'REASON',
  ];
  const now = Date.now();
  const rows = servers.map((server) => [
    short(server.key),
    server.phase,
    server.tools === undefined ? '-' : String(server.tools),
    server.transport ?? '-',
    server.revision ?? '-',
    String(server.restarts),
    server.since === 0 ? '-' : age(now - server.since),
    ...(wide
      ? [
          server.pid === undefined ? '-' : String(server.pid),
          printable(server.source),
          server.hubs.map(short).join(',') || '-',
        ]
      : []),
    server.phase === 'Ready'
      ? ''
      : printable(server.message === '' ? server.reason : `${server.reason}: ${server.message}`),
  ]);
  return [head, rows];
}

function toolTable(tools: readonly ToolRow[], wide: boolean): Rows {
  // With one hub the column would say the same everywhere.
  const withHub = wide || new Set(tools.map((tool) => tool.hub)).size > 1;
  const head = ['NAME', 'SERVER', ...(withHub ? ['HUB'] : []), 'DESCRIPTION'];
  const rows = tools.map((tool) => [
    printable(tool.name),
    tool.server,
    ...(withHub ? [short(tool.hub)] : []),
    printable(String(tool.definition['description'] ?? '')).split('\n')[0] ?? '',
  ]);
  return [head, rows];
}

/** The namespace shows only where it is not the usual one. */
function short(key: string): string {
  return key.startsWith('default/') ? key.slice('default/'.length) : key;
}

/** The capability graph for people: a tree per hub, one line per server and item. */
import type { CapabilityGraph, ItemNode, ServerNode } from './capability-graph.ts';

export interface GraphTextOptions {
  /** Only what clients do not see as the naming alone would give it. */
  readonly notable?: boolean;
}

export function graphText(graph: CapabilityGraph, options: GraphTextOptions = {}): string[] {
  const { tools, prompts, resources, resourceTemplates } = graph.offered;
  const counts = [
    counted(tools, 'tool'),
    counted(prompts, 'prompt'),
    counted(resources, 'resource'),
    counted(resourceTemplates, 'resource template'),
  ].filter((part) => part !== '');
  const lines = [`${graph.hub}  ${counts.length === 0 ? 'offers nothing' : counts.join(', ')}`];
  for (const [index, server] of graph.servers.entries()) {
    const isLast = index === graph.servers.length - 1;
    lines.push(`${isLast ? '└─ ' : '├─ '}${serverLine(server)}`);
    const shown = options.notable === true ? server.items.filter(isNotable) : server.items;
    for (const [at, item] of shown.entries())
      lines.push(`${isLast ? '   ' : '│  '}${at === shown.length - 1 ? '└─ ' : '├─ '}${itemLine(item)}`);
  }
  return lines;
}

function serverLine({ server, ready, phase, reason, message, revision, source }: ServerNode): string {
  const what = `${server} (${source}${revision === undefined ? '' : `, ${revision}`})`;
  if (ready) return what;
  return `${what}  ${phase}: ${message === '' ? reason : `${reason}, ${message}`}`;
}

function itemLine({ kind, name, state, offeredAs, reason, through }: ItemNode): string {
  const path = through === undefined ? '' : `  through ${through.join(' > ')}`;
  const why = reason === undefined ? '' : `  (${reason})`;
  const shown = name === '' ? '(no name)' : name;
  if (offeredAs === undefined) return `${kind} ${shown}  ${state}${why}`;
  return `${kind} ${shown}${offeredAs === name ? '' : `  as ${offeredAs}`}${why}${path}`;
}

function isNotable({ offeredAs, reason }: ItemNode): boolean {
  return offeredAs === undefined || reason !== undefined;
}

function counted(count: number, word: string): string {
  return count === 0 ? '' : `${count} ${word}${count === 1 ? '' : 's'}`;
}

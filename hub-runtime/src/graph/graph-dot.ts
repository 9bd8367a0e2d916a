/** The capability graph for Graphviz: hubs, servers and items as nodes, the path of a call as edges; what is not offered hangs on dashed ones. */
import type { CapabilityGraph } from './capability-graph.ts';

export function graphDot(graphs: readonly CapabilityGraph[]): string {
  const lines = ['digraph quaymaster {', '  rankdir=LR;', '  node [shape=box];'];
  for (const { hub, servers } of graphs) {
    const hubId = `hub ${hub}`;
    lines.push(`  ${quoted(hubId)} [label=${quoted(hub)}, style=bold];`);
    for (const { server, ready, reason, items } of servers) {
      const serverId = `server ${hub} ${server}`;
      const label = ready ? server : `${server}\n${reason}`;
      lines.push(`  ${quoted(serverId)} [label=${quoted(label)}${ready ? '' : ', color=red'}];`);
      lines.push(`  ${quoted(hubId)} -> ${quoted(serverId)};`);
      for (const [index, { kind, name, offeredAs, reason: why }] of items.entries()) {
        const itemId = `${serverId} ${index}`;
        const text = [`${kind} ${name}`, ...(offeredAs === undefined || offeredAs === name ? [] : [`as ${offeredAs}`])];
        if (why !== undefined) text.push(why);
        lines.push(`  ${quoted(itemId)} [label=${quoted(text.join('\n'))}, shape=plain];`);
        lines.push(`  ${quoted(serverId)} -> ${quoted(itemId)}${offeredAs === undefined ? ' [style=dashed]' : ''};`);
      }
    }
  }
  lines.push('}');
  return lines.join('\n');
}

/** Graphviz knows two escapes inside quotes. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

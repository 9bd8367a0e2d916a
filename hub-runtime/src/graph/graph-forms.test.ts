/** Forms of the graph for people and Graphviz, from documents written by hand. */
import { expect, test } from 'vitest';

import type { CapabilityGraph, ItemNode, ServerNode } from './capability-graph.ts';
import { graphDot } from './graph-dot.ts';
import { graphText } from './graph-text.ts';

function graphOf(
  servers: readonly Partial<ServerNode>[],
  offered: Partial<CapabilityGraph['offered']> = {},
): CapabilityGraph {
  return {
    hub: 'default/desk',
    generation: 1,
    catalog: 'c',
    offered: { tools: 0, prompts: 0, resources: 0, resourceTemplates: 0, ...offered },
    servers: servers.map((one, index) => ({
      server: `default/s${index}`,
      prefix: `s${index}`,
      source: 'npm',
      ready: true,
      phase: 'Ready',
      reason: 'Ready',
      message: '',
      items: [],
      ...one,
    })),
    problems: [],
  };
}

const item = (more: Partial<ItemNode>): ItemNode => ({ kind: 'tool', name: 'x', state: 'offered', ...more });

test('a hub without servers, one without items, counts of one and of many', () => {
  expect(graphText(graphOf([]))).toEqual(['default/desk  offers nothing']);
  expect(graphText(graphOf([{}], { tools: 1, prompts: 2, resources: 1, resourceTemplates: 2 }))).toEqual([
    'default/desk  1 tool, 2 prompts, 1 resource, 2 resource templates',
    '└─ default/s0 (npm)',
  ]);
});

test('HT-0.02 each way of being offered or not in one line', () => {
  const items = [
    item({ offeredAs: 'x' }),
    item({ offeredAs: 's0_x', through: ['b~1', 'c~2'] }),
    item({ offeredAs: 'quick', reason: 'Alias' }),
    item({ state: 'hidden', reason: 'Excluded' }),
    item({ name: '', state: 'refused' }),
  ];
  expect(graphText(graphOf([{ items, revision: '2025-11-25' }], { tools: 3 })).slice(1)).toEqual([
    '└─ default/s0 (npm, 2025-11-25)',
    '   ├─ tool x',
    '   ├─ tool x  as s0_x  through b~1 > c~2',
    '   ├─ tool x  as quick  (Alias)',
    '   ├─ tool x  hidden  (Excluded)',
    '   └─ tool (no name)  refused',
  ]);
});

test('HT-0.02 a server that is not ready says so, with its message where it has one', () => {
  const down = { ready: false, phase: 'Degraded', reason: 'CrashLoop' };
  expect(graphText(graphOf([{ ...down, message: 'exited with 3' }, down])).slice(1)).toEqual([
    '├─ default/s0 (npm)  Degraded: CrashLoop, exited with 3',
    '└─ default/s1 (npm)  Degraded: CrashLoop',
  ]);
});

test('Graphviz gets every hub, dashed edges to what is not offered, and names only where they differ', () => {
  const items = [item({ offeredAs: 'x' }), item({ offeredAs: 's0_x' }), item({ state: 'hidden', reason: 'Excluded' })];
  const text = graphDot([graphOf([{ items }, { ready: false, reason: 'CrashLoop' }])]);
  expect(text).toContain('[label="tool x", shape=plain]');
  expect(text).toContain('[label="tool x\\nas s0_x", shape=plain]');
  expect(text).toContain('[label="tool x\\nExcluded", shape=plain]');
  expect(text.match(/style=dashed/g)).toHaveLength(1);
  expect(text).toContain('[label="default/s1\\nCrashLoop", color=red]');
});

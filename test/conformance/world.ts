/**
 * What the conformance tool is run against: three servers (of both eras, of the older only, of the newer only), one hub in front of each with
 * their own names, and one with prefixes. All hubs are one process.
 */
import type { JsonObject } from '../kit/index.ts';
import { mcpHub, mcpServer, startHub, type Manifest } from '../integration/support/running-hub.ts';
import type { RunningHub } from '../integration/support/running-hub.ts';
import { buildFixture, startFixture } from './fixture.ts';
import { startModernOnly } from './modern-only.ts';

/** `dual` answers older requests without sessions; `legacy` has sessions and knows no 2026-07-28; `modern` knows nothing else. */
export type FixtureName = 'dual' | 'legacy' | 'modern';
export const fixtureNames: readonly FixtureName[] = ['dual', 'legacy', 'modern'];

export interface ConformanceWorld extends AsyncDisposable {
  /** Of the server itself. */
  direct(fixture: FixtureName): string;
  /** Of the hub in front of it. */
  through(fixture: FixtureName): string;
  /** Of the hub that puts a prefix before the names of the `dual` one. */
  readonly prefixed: string;
  readonly hub: RunningHub;
}

export async function startWorld(): Promise<ConformanceWorld> {
  await buildFixture();
  const dual = await startFixture('modern');
  const legacy = await startFixture('legacy');
  const modern = await startModernOnly(dual.url);
  const servers = { dual, legacy, modern };
  const hub = await startHub(
    [
      // The first in the alphabet is at the address itself.
      mcpHub({ servers: { include: [] } }),
      ...fixtureNames.map((name) => mcpServer(name, { source: { remote: { url: servers[name].url } } })),
      ...fixtureNames.map((name) => hubOf(`with-${name}`, name, { naming: { strategy: 'none' } })),
      hubOf('with-prefix', 'dual', {}),
    ],
    { flags: ['--watch'] },
  );
  const at = (name: string): string => hub.url.replace(/\/mcp$/, `/hubs/default/${name}/mcp`);
  return {
    direct: (fixture) => servers[fixture].url,
    through: (fixture) => at(`with-${fixture}`),
    prefixed: at('with-prefix'),
    hub,
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      for (const one of [modern, dual, legacy]) await one[Symbol.asyncDispose]();
    },
  };
}

function hubOf(name: string, server: string, spec: JsonObject): Manifest {
  return { ...mcpHub({ ...spec, servers: { include: [server] } }), metadata: { name } };
}

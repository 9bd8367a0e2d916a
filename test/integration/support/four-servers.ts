/** One hub in front of the same server in all four forms: both eras, over HTTP and as its own child. */
import {
  type ClientOptions,
  connectLegacy,
  connectModern,
  type EraName,
  type JsonObject,
  type KitClient,
  type RunningServer,
  type ServerScript,
  startHttpServer,
  stdioCommand,
  until,
} from '../../kit/index.ts';
import { type Manifest, mcpHub, mcpServer, type RunningHub, startHub } from './running-hub.ts';

export interface FourServers extends AsyncDisposable {
  readonly hub: RunningHub;
  /** Those over HTTP. */
  readonly http: Readonly<Record<EraName, RunningServer>>;
  connect(era: EraName, options?: ClientOptions): Promise<KitClient>;
}

export interface FourServersOptions {
  /** `spec` of the hub. */
  readonly hub?: JsonObject;
  /** Of the servers: modern and legacy over HTTP, modern and legacy children. */
  readonly names?: readonly [mh: string, lh: string, ms: string, ls: string];
  readonly more?: readonly Manifest[];
  /** Once so many tools are listed, all of them are there. */
  readonly tools: number;
}

export async function startFourServers(
  script: (era: EraName) => ServerScript,
  {
    hub: spec = {},
    names: [mh, lh, ms, ls] = ['modernhttp', 'legacyhttp', 'modernstdio', 'legacystdio'],
    more = [],
    tools,
  }: FourServersOptions,
): Promise<FourServers> {
  const http = { modern: await startHttpServer(script('modern')), legacy: await startHttpServer(script('legacy')) };
  const hub = await startHub([
    mcpHub(spec),
    mcpServer(mh, { source: { remote: { url: http.modern.url } } }),
    mcpServer(lh, { source: { remote: { url: http.legacy.url } } }),
    mcpServer(ms, { source: { command: stdioCommand(script('modern')) } }),
    mcpServer(ls, { source: { command: stdioCommand(script('legacy')) } }),
    ...more,
  ]);
  await using first = await connectModern(hub.url);
  await until(async () => (await first.listAll('tools/list')).length >= tools, { because: 'all are listed' });
  return {
    hub,
    http,
    connect: (era, options = {}) => (era === 'modern' ? connectModern : connectLegacy)(hub.url, options),
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      for (const one of Object.values(http)) await one[Symbol.asyncDispose]();
    },
  };
}

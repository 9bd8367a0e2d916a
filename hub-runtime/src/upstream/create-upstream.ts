/** The one way in: a server's configuration and what it needs, to its Upstream. Nothing runs before `start` or the first call. */
import type { ServerConfig } from '@quaymaster/crds';

import type { Upstream } from '../exchange/index.ts';
import type { UpstreamDeps } from './upstream-deps.ts';
import { UpstreamServer } from './upstream-server.ts';

export function createUpstream(config: ServerConfig, deps: UpstreamDeps): Upstream {
  return new UpstreamServer(config, deps);
}

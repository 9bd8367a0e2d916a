/** What a server's Upstream needs from whoever runs the hub. */
import type { Clock, Logger, Random } from '../base/index.ts';
import type { ChildRegistry } from '../bridge/index.ts';
import type { ServerTarget, TargetResolver } from '../exchange/index.ts';
import type { Observer } from '../observe/index.ts';
import type { ServerConfig } from '@quaymaster/crds';
import type { Connector } from './conversation.ts';
import type { HttpPool } from './http/index.ts';

export interface UpstreamDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly targets: TargetResolver;
  readonly observer: Observer;
  readonly http: HttpPool;
  /** Child processes are registered here, so that none outlives the hub. */
  readonly children: ChildRegistry;
  /** How the hub names itself to servers. */
  readonly hubInfo: { readonly name: string; readonly version: string };
  /** Every line a child of this server writes to stderr (`qm logs`). Must not throw. */
  readonly serverLog?: ((serverKey: string, line: string) => void) | undefined;
  /** Stands in for the real transports in tests. `config` gives the settings of the moment. */
  readonly connectorFor?: ((target: ServerTarget, config: () => ServerConfig) => Connector) | undefined;
}

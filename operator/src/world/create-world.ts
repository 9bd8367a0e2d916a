/** Puts the parts of the world together. */
import type { RenderSettings } from '@quaymaster/crds';
import type { Clock, Logger } from 'quaymaster/base';

import type { KubeClient, Manager, MetricSink } from '../kube/index.ts';
import type { World } from './types.ts';

export interface WorldDeps {
  readonly manager: Manager;
  /** Writes only the one Secret with the key of checksums, so the leader's guarded client is the right one. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  readonly settings: Pick<RenderSettings, 'operatorNamespace'>;
  /** Empty: all. */
  readonly namespaces: readonly string[];
}

export function createWorld(deps: WorldDeps): World {
  throw new TypeError(`not built yet: ${deps.namespaces.length}`);
}

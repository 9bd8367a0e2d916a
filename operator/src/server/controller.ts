/** The controller of McpServers: every key is one server, and a reconcile is a list of steps. */
import type { RenderSettings, ReportMessage } from '@quaymaster/crds';
import type { Clock, Logger } from 'quaymaster/base';

import type { Controller, EventRecorder, KubeClient, MetricSink } from '../kube/index.ts';
import type { World } from '../world/index.ts';

/** What is asked of the control stream; a ControlServer has it. */
export interface HubReports {
  replicas(hub: string): readonly { readonly pod: { readonly name: string }; readonly report?: ReportMessage }[];
  onChange(listener: (hub: string) => void): () => void;
}

export interface ServerControllerDeps {
  readonly world: World;
  readonly control: HubReports;
  /** Guarded by the fence of the leader. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  readonly settings: RenderSettings;
  readonly events: EventRecorder;
  readonly randomBytes: (size: number) => Buffer;
  readonly workers?: number;
}

export function createServerController(deps: ServerControllerDeps): Controller {
  throw new TypeError(`not built yet: ${deps.workers}`);
}

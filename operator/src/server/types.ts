/** What the controller of servers is given. */
import type { RenderSettings, ReportMessage } from '@quaymaster/crds';
import type { Clock, Logger } from 'quaymaster/base';

import type { EventRecorder, KubeClient, MetricSink } from '../kube/index.ts';
import type { World } from '../world/index.ts';

/** What is asked of the control stream; a ControlServer has it. */
export interface HubReports {
  replicas(hub: string): readonly { readonly pod: { readonly uid: string }; readonly report?: ReportMessage }[];
  /** `load`: only counters changed. */
  onChange(listener: (hub: string, what: 'state' | 'load') => void): () => void;
}

export interface ServerControllerDeps {
  readonly world: World;
  readonly control: HubReports;
  /** With the fence of the leader as guard. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  readonly settings: RenderSettings;
  readonly events: EventRecorder;
  readonly randomBytes: (size: number) => Buffer;
  readonly workers?: number;
  /** Pause between the steps of a token's rotation: longer than kubelets take to bring mounted Secrets up to date. */
  readonly rotationStepMs?: number;
}

/** Writes the status of a server, and tells people of the moments that matter. */
import { type Condition, type McpServerStatus, serverStatus, type ServerStatusInput } from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';

import { changedConditions, type EventRecorder, type KubeObject, type StatusWriter } from '../kube/index.ts';
import { resources } from '../world/index.ts';

export interface StatusStep {
  /** True: the cache is behind, look again shortly. */
  write(
    server: KubeObject,
    input: Pick<ServerStatusInput, 'outcome' | 'observed' | 'held' | 'also'>,
    signal?: AbortSignal,
  ): Promise<boolean>;
}

export interface StatusDeps {
  readonly writer: StatusWriter;
  readonly events: EventRecorder;
  readonly clock: Pick<Clock, 'now'>;
}

/** On the way, and no news. */
const quiet: ReadonlySet<string> = new Set(['Draining', 'Pending', 'Starting']);

export function createStatusStep({ writer, events, clock }: StatusDeps): StatusStep {
  return {
    async write(server, input, signal) {
      const before = (server.status ?? {}) as McpServerStatus;
      const previous = (before.conditions ?? []) as readonly Condition[];
      // Seconds, as everywhere in the API.
      const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
      const status = serverStatus({ ...input, previous, now });
      const { action } = await writer.write(resources.servers, server, status, signal);
      if (action === 'written') {
        for (const { reason, message, status: holds } of changedConditions(previous, readiness(status))) {
          // Neither is that one which comes up for the first time has no replica yet.
          if (quiet.has(reason) || (status.phase === 'Starting' && before.phase !== 'Ready')) continue;
          const type = holds === 'True' ? 'Normal' : 'Warning';
          events.record({ regarding: server, type, reason, action: 'Reconcile', note: message });
        }
      }
      return action === 'stale';
    },
  };
}

/** Ready tells whether it serves; Stalled, while it does, that its newest declaration does not come up. */
function readiness({ conditions = [] }: McpServerStatus): readonly Condition[] {
  const ready = conditions.find((condition) => condition.type === 'Ready');
  const shown = ready?.status === 'True' ? ['Ready', 'Stalled'] : ['Ready'];
  return (conditions as readonly Condition[]).filter(
    ({ type, status }) => shown.includes(type) && (type === 'Ready' || status === 'True'),
  );
}

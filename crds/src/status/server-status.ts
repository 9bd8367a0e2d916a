/** `McpServer.status` from what was compiled and what was seen. Pure; the same in both drivers, so that a laptop and a cluster say the same. */
import { draft, findReason, stamp } from '../conditions/index.ts';
import type { ConditionDraft, ConditionType } from '../conditions/index.ts';
import type { McpServerStatus } from '../server/index.ts';
import type { ServerObservation, ServerStatusInput } from './types.ts';

const longestErrorMessage = 4_096;

export function serverStatus(input: ServerStatusInput): McpServerStatus {
  const { outcome, observed } = input;
  const { generation } = outcome.object.metadata;
  const drafts = [
    ...outcome.conditions,
    ...(outcome.active ? running(observed) : idle(input)),
    ...(outcome.active && observed?.phase === 'Ready' ? heldBack(input.held) : []),
    ...(input.also ?? []),
  ];
  const { phase = 'Pending', reason: _reason, message: _message, lastError, ...facts } = observed ?? {};
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase: outcome.active ? phase : observed === undefined ? 'Stopped' : phase,
    ...(facts as Omit<ServerObservation, 'phase'>),
    ...(lastError === undefined
      ? {}
      : { lastError: { ...lastError, message: lastError.message.slice(0, longestErrorMessage) } }),
    conditions: stamp({
      drafts,
      previous: input.previous ?? [],
      now: input.now,
      ...(generation === undefined ? {} : { generation }),
    }),
  } as McpServerStatus;
}

/** Not in any configuration: what keeps it out is the reason for everything else. */
function idle({ outcome }: ServerStatusInput): ConditionDraft[] {
  const blocking =
    outcome.conditions.find((entry) => entry.status === 'False' && entry.type !== 'Programmed') ??
    outcome.conditions.find((entry) => entry.reason === 'NotSelected');
  const because = blocking ?? draft('Programmed', 'NotProgrammed');
  const notReady: ConditionDraft = { ...because, type: 'Ready', status: 'False' };
  // Nobody but a human can mend a refused manifest (kstatus: Stalled); a server nobody selects simply rests.
  const stalled: ConditionDraft =
    because.reason === 'NotSelected' ? draft('Stalled', 'Settled') : { ...because, type: 'Stalled', status: 'True' };
  return [notReady, draft('Reconciling', 'Settled'), stalled];
}

/** The old serves on, so it is Ready; the new does not come, so it is not settled (kstatus), and that is a fault where a human must help. */
function heldBack(held: ServerStatusInput['held']): ConditionDraft[] {
  const row = held === undefined ? undefined : findReason(held.reason);
  if (held === undefined || row === undefined) return [];
  const { reason, message } = held;
  const said = { reason, message, next: message.includes('; ') ? '' : row.next, severity: row.severity };
  const stalled = row.on.Stalled === 'True';
  return [
    ...(stalled ? [] : [{ ...said, type: 'Reconciling', status: 'True' } as const]),
    ...(stalled ? [{ ...said, type: 'Stalled', status: 'True' } as const] : []),
    ...(row.on.Degraded === 'True' ? [{ ...said, type: 'Degraded', status: 'True' } as const] : []),
  ];
}

function running(observed: ServerObservation | undefined): ConditionDraft[] {
  const phase = observed?.phase ?? 'Pending';
  const reason = observed?.reason ?? (phase === 'Degraded' ? 'HealthCheckFailed' : phase);
  const row = findReason(reason);
  const what = (type: ConditionType, status: 'True' | 'False'): ConditionDraft => ({
    type,
    status,
    reason,
    message: observed?.message ?? row?.say({}) ?? reason,
    // A message that says already what to do needs no advice.
    next: observed?.message?.includes('; ') === true ? '' : (row?.next ?? ''),
    severity: row?.severity ?? 'error',
  });
  const stalled = row?.on.Stalled === 'True' && phase !== 'Ready';
  // It is where it should be, and comes when it is called.
  const asleep = phase === 'Pending' && reason === 'Asleep';
  const moving = !asleep && (phase === 'Pending' || phase === 'Starting' || phase === 'Draining');
  return [
    asleep ? draft('Ready', 'Asleep') : phase === 'Ready' ? draft('Ready', 'Ready') : what('Ready', 'False'),
    // kstatus: Reconciling and Stalled are never True together.
    moving && !stalled ? what('Reconciling', 'True') : draft('Reconciling', 'Settled'),
    stalled ? what('Stalled', 'True') : draft('Stalled', 'Settled'),
    phase === 'Degraded' ? what('Degraded', 'True') : circuit(observed),
  ];
}

/** It is there, and most of what it is asked fails: calls are kept from it for a while. */
function circuit(observed: ServerObservation | undefined): ConditionDraft {
  const { state, tools = [] } = observed?.circuit ?? { state: 'closed' };
  if (state !== 'closed') return draft('Degraded', 'CircuitOpen');
  return tools.length === 0
    ? draft('Degraded', 'Healthy')
    : draft('Degraded', 'ToolCircuitOpen', { tools: tools.join(', ') });
}

/** `McpHub.status` from what was compiled and what was seen. Pure; the same in both drivers. */
import { draft, findReason, stamp } from '../conditions/index.ts';
import type { ConditionDraft } from '../conditions/index.ts';
import type { McpHubStatus } from '../hub/index.ts';
import type { HubStatusInput } from './types.ts';

const mostNames = 20;

export function hubStatus(input: HubStatusInput): McpHubStatus {
  const { outcome, address, tools, replicas, selector } = input;
  const { config } = outcome;
  const { generation } = outcome.object.metadata;
  const stamped = stamp({
    drafts: [...(config === undefined ? refused(outcome.conditions) : serving(input)), ...(input.observed ?? [])],
    previous: input.previous ?? [],
    now: input.now,
    ...(generation === undefined ? {} : { generation }),
  });
  const out: McpHubStatus = {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(address === undefined || config === undefined ? {} : { address }),
    conditions: stamped,
    replicas: replicas.length,
    ...(selector === undefined ? {} : { selector }),
  };
  if (config === undefined) return out;
  const ready = config.servers.filter((server) => input.phases.get(server.key) === 'Ready').length;
  // Refused servers count: a reader who selected nine wants to see 8/9, not 8/8.
  const total = outcome.selected.length;
  const acknowledged = acknowledgements(input);
  return {
    ...out,
    servers: { total, ready, summary: `${ready}/${total}` },
    ...(tools === undefined ? {} : { tools }),
    configHash: config.hash,
    observedConfig: `${acknowledged}/${replicas.length} at generation ${input.configGeneration ?? generation ?? 1}`,
  };
}

function acknowledgements({ outcome, replicas }: HubStatusInput): number {
  return replicas.filter((replica) => replica.configHash === outcome.config?.hash).length;
}

/** Whoever takes calls answers them by the wanted configuration. */
function serves({ outcome, replicas }: HubStatusInput): boolean {
  const reached = replicas.filter((replica) => replica.serving !== false);
  return reached.length > 0 && reached.every((replica) => replica.configHash === outcome.config?.hash);
}

/** The refusal is the reason why it is not ready and why only a human can help. */
function refused(conditions: readonly ConditionDraft[]): ConditionDraft[] {
  const because =
    conditions.find((entry) => entry.type === 'Accepted' && entry.status === 'False') ??
    draft('Programmed', 'NotProgrammed');
  return [
    ...conditions,
    { ...because, type: 'Ready', status: 'False' },
    draft('Reconciling', 'Settled'),
    { ...because, type: 'Stalled', status: 'True' },
  ];
}

function serving(input: HubStatusInput): ConditionDraft[] {
  const { outcome, phases, replicas } = input;
  const servers = outcome.config?.servers ?? [];
  const acknowledged = acknowledgements(input);
  const detail = { acknowledged, total: replicas.length, hash: outcome.config?.hash ?? '' };
  const programmed = replicas.length > 0 && acknowledged === replicas.length;
  // A lazy server that waits for its first request is not a fault.
  const down = servers.filter(
    (server) =>
      phases.get(server.key) !== 'Ready' &&
      !(server.lifecycle.start !== 'eager' && (phases.get(server.key) ?? 'Pending') === 'Pending'),
  );
  const starting = down.filter((server) => ['Pending', 'Starting'].includes(phases.get(server.key) ?? 'Pending'));
  const failed = down.filter((server) => !starting.includes(server));
  const missing = down.filter((server) => server.lifecycle.required);
  const ready = !serves(input)
    ? draft('Ready', programmed ? 'NotServing' : 'NotAcknowledged', detail)
    : missing.length > 0
      ? draft('Ready', 'RequiredServersNotReady', { servers: names(missing) })
      : draft('Ready', 'Ready');
  const moving = !programmed || starting.length > 0;
  const compiledDegraded = outcome.conditions.some((entry) => entry.type === 'Degraded');
  return [
    ...(compiledDegraded ? [] : [draft('Degraded', 'Healthy')]),
    ...outcome.conditions,
    programmed ? draft('Programmed', 'Programmed') : draft('Programmed', 'NotAcknowledged', detail),
    ready,
    moving ? draft('Reconciling', 'Progressing') : draft('Reconciling', 'Settled'),
    draft('Stalled', 'Settled'),
    ...degraded(failed, input),
  ];
}

/** Servers that do not answer outweigh what the others list, but hide nothing of it. */
function degraded(failed: readonly { readonly name: string }[], input: HubStatusInput): ConditionDraft[] {
  const left = problems(input);
  if (failed.length === 0) return left === undefined ? [] : [left];
  const silent = draft('Degraded', 'ServersNotReady', { servers: names(failed) });
  return [left === undefined ? silent : { ...silent, message: `${silent.message} | ${left.message}` }];
}

function problems({ problems: found = [] }: HubStatusInput): ConditionDraft | undefined {
  const [first] = found;
  if (first === undefined) return undefined;
  const shown = found.slice(0, mostNames).map((problem) => problem.message);
  const message = [...shown, ...(found.length > shown.length ? [`and ${found.length - shown.length} more`] : [])].join(
    ' | ',
  );
  const row = findReason(first.reason);
  return {
    type: 'Degraded',
    status: 'True',
    reason: first.reason,
    message,
    next: row?.next ?? '',
    severity: row?.severity ?? 'warning',
  };
}

function names(servers: readonly { readonly name: string }[]): string {
  const shown = servers.slice(0, mostNames).map((server) => server.name);
  return servers.length > shown.length
    ? `${shown.join(', ')} and ${servers.length - shown.length} more`
    : shown.join(', ');
}

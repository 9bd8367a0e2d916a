/**
 * The observer of a real hub: metrics of the table, and one log line per operation (EF-69, EF-71).
 *
 * Runs once per call. The series of a call is found without building a key; the log line is put together by hand
 * from parts that are known or masked before. No label ever holds what a client sent, except capped tool and prompt names.
 */
import { type Clock, type LogLevel, systemClock } from '../base/index.ts';
import type { UpstreamPhase } from '../exchange/index.ts';
import { BoundedNames, otherName } from './bounded-names.ts';
import { cleanName, knownCode, knownMethod } from './label-values.ts';
import { type MetricName, metricTable } from './metric-table.ts';
import type { MetricsRegistry } from './metrics-registry.ts';
import type { CallRecord, CounterName, GaugeName, Observer } from './observer.ts';
import { createOperationLine } from './operation-line.ts';
import { registerProcessMetrics } from './process-metrics.ts';

export interface ObserverOptions {
  readonly registry: MetricsRegistry;
  /** Where operation lines go. Absent: metrics only. */
  readonly log?: { readonly level: LogLevel; line(json: string): void; dropped(): number };
  readonly version?: string;
  readonly clock?: Clock;
  /** Target names with series of their own, per server and over all servers. */
  readonly targetsPerServer?: number;
  readonly targetsInAll?: number;
}

const phases: readonly UpstreamPhase[] = ['Pending', 'Starting', 'Ready', 'Degraded', 'Draining', 'Stopped'];

const counters: Readonly<Record<CounterName, MetricName>> = {
  lateAnswers: 'quaymaster_late_answers_total',
  droppedNotifications: 'quaymaster_dropped_notifications_total',
  limitRejections: 'quaymaster_limit_rejections_total',
  refusedRequests: 'quaymaster_refused_requests_total',
  noiseLines: 'quaymaster_server_noise_lines_total',
  retries: 'quaymaster_retries_total',
  circuitOpened: 'quaymaster_circuit_opened_total',
  circuitRefusals: 'quaymaster_circuit_refusals_total',
  configSwaps: 'quaymaster_config_swaps_total',
  listChanges: 'quaymaster_list_changes_total',
  schemaMisfits: 'quaymaster_schema_misfits_total',
  peerForwards: 'quaymaster_peer_forwards_total',
  sessionsAdopted: 'quaymaster_sessions_adopted_total',
  peerRefusals: 'quaymaster_peer_refusals_total',
  peerDrops: 'quaymaster_peer_drops_total',
  sessionStoreWrites: 'quaymaster_session_store_writes_total',
  sessionStoreReads: 'quaymaster_session_store_reads_total',
  sessionStoreFailures: 'quaymaster_session_store_failures_total',
  sessionStoreDrops: 'quaymaster_session_store_drops_total',
};

const gauges: Readonly<Record<GaugeName, MetricName>> = {
  callsInFlight: 'quaymaster_calls_in_flight',
  waitingCalls: 'quaymaster_calls_waiting',
  parkedCalls: 'quaymaster_calls_parked',
  circuitState: 'quaymaster_circuit_state',
  circuitToolsOpen: 'quaymaster_circuit_tools_open',
  bulkheadQueued: 'quaymaster_bulkhead_queued',
  connectionsOpen: 'quaymaster_upstream_connections',
  connectionsIdle: 'quaymaster_upstream_connections_idle',
  connectionsAwaited: 'quaymaster_upstream_connections_awaited',
  queuedCalls: 'quaymaster_calls_queued',
  queuedBytes: 'quaymaster_queued_bytes',
  activeClients: 'quaymaster_clients_active',
  unreadAnswers: 'quaymaster_answers_unread',
  unreadBytes: 'quaymaster_unread_bytes',
  passingAnswers: 'quaymaster_answers_passing',
  sessions: 'quaymaster_sessions',
  streams: 'quaymaster_streams',
  liveGraphs: 'quaymaster_graphs_live',
  children: 'quaymaster_child_processes',
  tombstones: 'quaymaster_tombstones',
  sessionStoreUp: 'quaymaster_session_store_up',
  controlConnected: 'quaymaster_hub_control_connected',
  configGeneration: 'quaymaster_hub_config_generation',
};

/** Counted here and handed over at scrape time: two additions per call. */
interface ByteTotals {
  received: number;
  sent: number;
}

export function createObserver(options: ObserverOptions): Observer {
  const { registry } = options;
  const clock = options.clock ?? systemClock;
  const names = new BoundedNames(options.targetsPerServer ?? 200, options.targetsInAll ?? 250, cleanName);
  const durations = registry.durations('mcp_server_operation_duration_seconds');
  const errors = registry.counter('quaymaster_call_errors_total');
  const states = registry.gauge('quaymaster_upstream_state');
  const restarts = registry.gauge('quaymaster_upstream_restarts');
  registry.gauge('quaymaster_metric_targets', (gauge) => gauge.set(names.size));
  registerProcessMetrics(registry, clock, options.version ?? 'dev', () => options.log?.dropped() ?? 0);

  const counted = new Map<CounterName, ReturnType<MetricsRegistry['counter']>>();
  for (const name of Object.keys(counters) as CounterName[]) counted.set(name, registry.counter(counters[name]));
  const readers = new Map<GaugeName, Set<() => Iterable<readonly [string, number]>>>();
  for (const name of Object.keys(gauges) as GaugeName[]) {
    const set = new Set<() => Iterable<readonly [string, number]>>();
    readers.set(name, set);
    const [label] = metricTable[gauges[name]].labels as readonly string[];
    registry.gauge(gauges[name], (gauge) => {
      gauge.reset();
      for (const read of set)
        for (const [of, value] of read()) gauge.inc(label === undefined ? {} : { [label]: of }, value);
    });
  }
  const register = (name: GaugeName, read: () => Iterable<readonly [string, number]>): (() => void) => {
    readers.get(name)?.add(read);
    return () => {
      readers.get(name)?.delete(read);
    };
  };

  const byteTotals = new Map<string, ByteTotals>();
  registry.total('quaymaster_bytes_total', (set) => {
    for (const [hub, total] of byteTotals) {
      set({ hub, direction: 'in' }, total.received);
      set({ hub, direction: 'out' }, total.sent);
    }
  });
  const logged =
    options.log !== undefined && (options.log.level === 'info' || options.log.level === 'debug')
      ? options.log
      : undefined;
  const operationLine = createOperationLine(clock);

  return {
    callFinished(record) {
      const server = record.server ?? '';
      const target = targetLabel(names, record);
      const method = knownMethod(record.method);
      durations.observe(record.durationMs / 1000, record.hub, server, method, target, record.outcome);
      let total = byteTotals.get(record.hub);
      if (total === undefined) byteTotals.set(record.hub, (total = { received: 0, sent: 0 }));
      total.received += record.bytesIn;
      total.sent += record.bytesOut;
      // Failed results of the hub's own making are told with a code as well.
      if (record.outcome === 'error' || (record.outcome === 'tool_error' && record.errorCode !== undefined))
        errors.inc({ hub: record.hub, server, code: record.errorCode ?? knownCode(record.code) });
      logged?.line(operationLine(record));
    },
    upstreamState(server, phase, restartCount) {
      for (const candidate of phases) states.set({ server, phase: candidate }, candidate === phase ? 1 : 0);
      restarts.set({ server }, restartCount);
    },
    upstreamGone(server) {
      for (const phase of phases) states.remove({ server, phase });
      restarts.remove({ server });
      names.forget(server);
      durations.forget(server);
    },
    count(name, label, by = 1) {
      counted.get(name)?.labels(label).inc(by);
    },
    gauge: (name, label, read) => register(name, () => [[label, read()]]),
    // A function of its own each time: the same reader may be registered twice.
    gauges: (name, read) => register(name, () => read()),
  };
}

/** Tools and prompts only: a URI is data of the user. Names that reached no server are a client's invention and never kept. */
function targetLabel(names: BoundedNames, record: CallRecord): string {
  if (record.target === undefined || (record.method !== 'tools/call' && record.method !== 'prompts/get')) return '';
  return record.server === undefined ? otherName : names.of(record.server, record.target);
}

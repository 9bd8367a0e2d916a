/**
 * Every metric this process exposes, in one table: docs/reference/metrics.md is generated from it, and a test compares it with a scrape.
 *
 * Labels are bounded by construction: hubs, servers and limits come from configuration, methods and codes from closed sets, and only
 * `target` from clients, which is why it alone is capped (EF-69).
 */
export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricRow {
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Seconds. Few on purpose: every bucket is a series per label set. */
export const durationBuckets: readonly number[] = [0.005, 0.025, 0.1, 0.5, 2.5, 30];

export const metricTable = {
  mcp_server_operation_duration_seconds: {
    type: 'histogram',
    help: 'Time from the arrival of a request to its answer.',
    labels: ['hub', 'server', 'method', 'target', 'outcome'],
  },
  quaymaster_answers_passing: {
    type: 'gauge',
    help: 'Large answers of servers that are passed on while they arrive.',
    labels: ['hub'],
  },
  quaymaster_answers_unread: {
    type: 'gauge',
    help: 'Large answers that are finished and that their clients have not taken yet.',
    labels: ['hub'],
  },
  quaymaster_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels say what runs.',
    labels: ['version', 'node'],
  },
  quaymaster_bulkhead_queued: {
    type: 'gauge',
    help: 'Calls that wait until a server or one of its tools has room (spec.resilience.bulkhead).',
    labels: ['server'],
  },
  quaymaster_bytes_total: {
    type: 'counter',
    help: 'Bytes of MCP messages, by direction as clients see it (in: requests, out: answers).',
    labels: ['hub', 'direction'],
  },
  quaymaster_call_errors_total: {
    type: 'counter',
    help: 'Calls answered with an error, by stable code (QM_..., a JSON-RPC code of the specification, or _other).',
    labels: ['hub', 'server', 'code'],
  },
  quaymaster_calls_in_flight: { type: 'gauge', help: 'Calls that have no answer yet.', labels: ['hub'] },
  quaymaster_calls_parked: {
    type: 'gauge',
    help: 'Calls of older servers that wait for a client to come back with answers.',
    labels: ['hub'],
  },
  quaymaster_calls_queued: {
    type: 'gauge',
    help: 'Calls that wait for their turn, because the hub or their client is at its limit.',
    labels: ['hub'],
  },
  quaymaster_calls_waiting: { type: 'gauge', help: 'Calls that wait for a server to start.', labels: ['hub'] },
  quaymaster_child_processes: { type: 'gauge', help: 'Processes of a server that run now.', labels: ['server'] },
  quaymaster_clients_active: {
    type: 'gauge',
    help: 'Clients (sessions, principals, connections) that have a call in the hub.',
    labels: ['hub'],
  },
  quaymaster_circuit_opened_total: {
    type: 'counter',
    help: 'Times a circuit breaker of a server or of one of its tools opened.',
    labels: ['server'],
  },
  quaymaster_circuit_refusals_total: {
    type: 'counter',
    help: 'Calls refused without asking the server since a circuit was open.',
    labels: ['server'],
  },
  quaymaster_circuit_state: {
    type: 'gauge',
    help: 'Circuit breaker of the server as a whole: 0 closed, 1 half open (calls try), 2 open (calls are refused).',
    labels: ['server'],
  },
  quaymaster_circuit_tools_open: {
    type: 'gauge',
    help: 'Tools of the server whose own circuit breaker is not closed.',
    labels: ['server'],
  },
  quaymaster_config_swaps_total: {
    type: 'counter',
    help: 'Configurations taken over without a restart.',
    labels: ['hub'],
  },
  quaymaster_dropped_notifications_total: {
    type: 'counter',
    help: 'Notifications dropped because their reader was too slow or gone.',
    labels: ['hub'],
  },
  quaymaster_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'Event loop delay since the last scrape, by quantile (0.5, 0.99, 1).',
    labels: ['quantile'],
  },
  quaymaster_graphs_live: {
    type: 'gauge',
    help: 'Configuration snapshots that some call or stream still uses. Stays at 1 when nothing drains.',
    labels: ['hub'],
  },
  quaymaster_hub_config_generation: {
    type: 'gauge',
    help: 'Generation of the configuration in force. Only in a cluster.',
    labels: ['hub'],
  },
  quaymaster_hub_control_connected: {
    type: 'gauge',
    help: '1 while the stream from the operator is up; without it the last configuration serves on. Only in a cluster.',
    labels: ['hub'],
  },
  quaymaster_late_answers_total: {
    type: 'counter',
    help: 'Answers of servers that came after their call had ended.',
    labels: ['server'],
  },
  quaymaster_limit_rejections_total: {
    type: 'counter',
    help: 'Requests refused because a limit was reached, by field name of the limit.',
    labels: ['limit'],
  },
  quaymaster_list_changes_total: { type: 'counter', help: 'Changed lists announced to clients.', labels: ['hub'] },
  quaymaster_log_lines_dropped_total: {
    type: 'counter',
    help: 'Log lines dropped because their reader was too slow.',
    labels: [],
  },
  quaymaster_metric_targets: {
    type: 'gauge',
    help: 'Target names that have series of their own; the rest counts as _other.',
    labels: [],
  },
  quaymaster_peer_drops_total: {
    type: 'counter',
    help: 'What replicas could not keep or tell each other about sessions, by kind (tombstone, mirror, note, streams).',
    labels: ['what'],
  },
  quaymaster_peer_forwards_total: {
    type: 'counter',
    help: 'Requests sent on to the replica that has their session.',
    labels: ['hub'],
  },
  quaymaster_peer_refusals_total: {
    type: 'counter',
    help: 'Requests on the peer listener that did not come from a replica of this hub, by reason.',
    labels: ['reason'],
  },
  quaymaster_queued_bytes: { type: 'gauge', help: 'What the calls that wait for their turn hold.', labels: ['hub'] },
  quaymaster_refused_requests_total: {
    type: 'counter',
    help: 'Requests refused at the edge, by error code.',
    labels: ['code'],
  },
  quaymaster_schema_misfits_total: {
    type: 'counter',
    help: 'Arguments and structured results that do not fit the schemas of their tool, or could not be checked (spec.tools.validate).',
    labels: ['server'],
  },
  quaymaster_retries_total: {
    type: 'counter',
    help: 'Calls that were sent again after a failure. Only calls that may be repeated are.',
    labels: ['server'],
  },
  quaymaster_server_noise_lines_total: {
    type: 'counter',
    help: 'Lines on the standard output of a server that are not protocol messages.',
    labels: ['server'],
  },
  quaymaster_session_store_drops_total: {
    type: 'counter',
    help: 'Bodies of sessions that were too large, or too many at once, for the store of sessions.',
    labels: ['hub'],
  },
  quaymaster_session_store_failures_total: {
    type: 'counter',
    help: 'Attempts to write to the store of sessions that failed; what they held is written again.',
    labels: ['hub'],
  },
  quaymaster_session_store_reads_total: {
    type: 'counter',
    help: 'Bodies read from the store of sessions, to go on with a session that no replica holds.',
    labels: ['hub'],
  },
  quaymaster_session_store_up: {
    type: 'gauge',
    help: '1 while the store of sessions answers; absent where none is configured.',
    labels: ['hub'],
  },
  quaymaster_session_store_writes_total: {
    type: 'counter',
    help: 'Bodies written to the store of sessions.',
    labels: ['hub'],
  },
  quaymaster_sessions: { type: 'gauge', help: 'Legacy sessions held.', labels: ['hub'] },
  quaymaster_sessions_adopted_total: {
    type: 'counter',
    help: 'Legacy sessions of other replicas that went on here.',
    labels: ['hub'],
  },
  quaymaster_streams: { type: 'gauge', help: 'Open event streams.', labels: ['hub'] },
  quaymaster_tombstones: {
    type: 'gauge',
    help: 'Ended legacy sessions, remembered until their ids are worth nothing.',
    labels: ['hub'],
  },
  quaymaster_unread_bytes: {
    type: 'gauge',
    help: 'Bytes of large answers that are finished and not yet taken.',
    labels: ['hub'],
  },
  quaymaster_upstream_connections: {
    type: 'gauge',
    help: 'Connections to HTTP servers that are open, for calls and for streams.',
    labels: [],
  },
  quaymaster_upstream_connections_awaited: {
    type: 'gauge',
    help: 'Requests to HTTP servers that wait for a connection.',
    labels: [],
  },
  quaymaster_upstream_connections_idle: {
    type: 'gauge',
    help: 'Open connections to HTTP servers that carry nothing at the moment.',
    labels: [],
  },
  quaymaster_upstream_restarts: {
    type: 'gauge',
    help: 'Times a server was started again by itself since it is configured.',
    labels: ['server'],
  },
  quaymaster_upstream_state: {
    type: 'gauge',
    help: '1 for the phase the server is in, 0 for the others.',
    labels: ['server', 'phase'],
  },
  process_cpu_seconds_total: { type: 'counter', help: 'CPU time of the hub process, user and system.', labels: [] },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory of the hub process.', labels: [] },
  process_start_time_seconds: { type: 'gauge', help: 'When the process started, seconds since the epoch.', labels: [] },
  process_uptime_seconds: { type: 'gauge', help: 'Seconds since the process started.', labels: [] },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metricTable;

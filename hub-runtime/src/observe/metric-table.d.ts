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
export declare const durationBuckets: readonly number[];
export declare const metricTable: {
    readonly mcp_server_operation_duration_seconds: {
        readonly type: 'histogram';
        readonly help: 'Time from the arrival of a request to its answer.';
        readonly labels: readonly ["hub", "server", "method", "target", "outcome"];
    };
    readonly quaymaster_build_info: {
        readonly type: 'gauge';
        readonly help: 'Always 1; the labels say what runs.';
        readonly labels: readonly ["version", "node"];
    };
    readonly quaymaster_bytes_total: {
        readonly type: 'counter';
        readonly help: 'Bytes of MCP messages, by direction as clients see it (in: requests, out: answers).';
        readonly labels: readonly ["hub", "direction"];
    };
    readonly quaymaster_call_errors_total: {
        readonly type: 'counter';
        readonly help: 'Calls answered with an error, by stable code (QM_..., a JSON-RPC code of the specification, or _other).';
        readonly labels: readonly ["hub", "server", "code"];
    };
    readonly quaymaster_calls_in_flight: {
        readonly type: 'gauge';
        readonly help: 'Calls that have no answer yet.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_calls_waiting: {
        readonly type: 'gauge';
        readonly help: 'Calls that wait for a server to start.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_child_processes: {
        readonly type: 'gauge';
        readonly help: 'Server processes of this hub that run now.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_config_swaps_total: {
        readonly type: 'counter';
        readonly help: 'Configurations taken over without a restart.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_dropped_notifications_total: {
        readonly type: 'counter';
        readonly help: 'Notifications dropped because their reader was too slow or gone.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_event_loop_delay_seconds: {
        readonly type: 'gauge';
        readonly help: 'Event loop delay since the last scrape, by quantile (0.5, 0.99, 1).';
        readonly labels: readonly ["quantile"];
    };
    readonly quaymaster_graphs_live: {
        readonly type: 'gauge';
        readonly help: 'Configuration snapshots that some call or stream still uses. Stays at 1 when nothing drains.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_late_answers_total: {
        readonly type: 'counter';
        readonly help: 'Answers of servers that came after their call had ended.';
        readonly labels: readonly ["server"];
    };
    readonly quaymaster_limit_rejections_total: {
        readonly type: 'counter';
        readonly help: 'Requests refused because a limit was reached, by field name of the limit.';
        readonly labels: readonly ["limit"];
    };
    readonly quaymaster_list_changes_total: {
        readonly type: 'counter';
        readonly help: 'Changed lists announced to clients.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_log_lines_dropped_total: {
        readonly type: 'counter';
        readonly help: 'Log lines dropped because their reader was too slow.';
        readonly labels: readonly [];
    };
    readonly quaymaster_metric_targets: {
        readonly type: 'gauge';
        readonly help: 'Target names that have series of their own; the rest counts as _other.';
        readonly labels: readonly [];
    };
    readonly quaymaster_refused_requests_total: {
        readonly type: 'counter';
        readonly help: 'Requests refused at the edge, by error code.';
        readonly labels: readonly ["code"];
    };
    readonly quaymaster_server_noise_lines_total: {
        readonly type: 'counter';
        readonly help: 'Lines on the standard output of a server that are not protocol messages.';
        readonly labels: readonly ["server"];
    };
    readonly quaymaster_sessions: {
        readonly type: 'gauge';
        readonly help: 'Legacy sessions held.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_streams: {
        readonly type: 'gauge';
        readonly help: 'Open event streams.';
        readonly labels: readonly ["hub"];
    };
    readonly quaymaster_upstream_restarts: {
        readonly type: 'gauge';
        readonly help: 'Times a server was started again by itself since it is configured.';
        readonly labels: readonly ["server"];
    };
    readonly quaymaster_upstream_state: {
        readonly type: 'gauge';
        readonly help: '1 for the phase the server is in, 0 for the others.';
        readonly labels: readonly ["server", "phase"];
    };
    readonly process_cpu_seconds_total: {
        readonly type: 'counter';
        readonly help: 'CPU time of the hub process, user and system.';
        readonly labels: readonly [];
    };
    readonly process_resident_memory_bytes: {
        readonly type: 'gauge';
        readonly help: 'Resident memory of the hub process.';
        readonly labels: readonly [];
    };
    readonly process_start_time_seconds: {
        readonly type: 'gauge';
        readonly help: 'When the process started, seconds since the epoch.';
        readonly labels: readonly [];
    };
    readonly process_uptime_seconds: {
        readonly type: 'gauge';
        readonly help: 'Seconds since the process started.';
        readonly labels: readonly [];
    };
};
export type MetricName = keyof typeof metricTable;

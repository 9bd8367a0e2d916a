/**
 * Every metric that this layer emits, under the names that dashboards made for client-go and controller-runtime already know
 * (`workqueue_*`, `controller_runtime_*`, `rest_client_*`, `leader_election_master_status`), and few of our own.
 * A binder registers the table once; rooms only see `MetricSink`.
 */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

const queueBuckets = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
const requestBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const reconcileBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

export const metricTable = {
  rest_client_requests_total: {
    type: 'counter',
    help: 'Requests to the API server by status code and method.',
    labels: ['code', 'method', 'host'],
  },
  rest_client_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from sending a request to the end of its answer; watches are left out.',
    labels: ['verb', 'host'],
    buckets: requestBuckets,
  },
  rest_client_rate_limiter_duration_seconds: {
    type: 'histogram',
    help: 'Time a request waited for the rate limit of this client.',
    labels: ['verb', 'host'],
    buckets: requestBuckets,
  },
  workqueue_depth: { type: 'gauge', help: 'Keys ready to be worked on.', labels: ['name', 'controller', 'priority'] },
  workqueue_adds_total: { type: 'counter', help: 'Keys added.', labels: ['name', 'controller'] },
  workqueue_queue_duration_seconds: {
    type: 'histogram',
    help: 'Time a key was ready before a worker took it.',
    labels: ['name', 'controller'],
    buckets: queueBuckets,
  },
  workqueue_work_duration_seconds: {
    type: 'histogram',
    help: 'Time a worker held a key.',
    labels: ['name', 'controller'],
    buckets: queueBuckets,
  },
  workqueue_unfinished_work_seconds: {
    type: 'gauge',
    help: 'Sum of the ages of the work in progress.',
    labels: ['name', 'controller'],
  },
  workqueue_longest_running_processor_seconds: {
    type: 'gauge',
    help: 'Age of the oldest work in progress.',
    labels: ['name', 'controller'],
  },
  workqueue_retries_total: { type: 'counter', help: 'Rate-limited additions.', labels: ['name', 'controller'] },
  quaymaster_workqueue_refused_total: {
    type: 'counter',
    help: 'Keys refused because the queue was at its bound.',
    labels: ['name'],
  },
  controller_runtime_reconcile_total: {
    type: 'counter',
    help: 'Reconciles by result.',
    labels: ['controller', 'result'],
  },
  controller_runtime_reconcile_errors_total: { type: 'counter', help: 'Failed reconciles.', labels: ['controller'] },
  controller_runtime_terminal_reconcile_errors_total: {
    type: 'counter',
    help: 'Reconciles that failed for good until the object changes.',
    labels: ['controller'],
  },
  controller_runtime_reconcile_panics_total: {
    type: 'counter',
    help: 'Reconciles that ended in a programming error.',
    labels: ['controller'],
  },
  controller_runtime_reconcile_timeouts_total: {
    type: 'counter',
    help: 'Reconciles that met their deadline.',
    labels: ['controller'],
  },
  controller_runtime_reconcile_time_seconds: {
    type: 'histogram',
    help: 'Duration of a reconcile.',
    labels: ['controller'],
    buckets: reconcileBuckets,
  },
  controller_runtime_max_concurrent_reconciles: { type: 'gauge', help: 'Workers.', labels: ['controller'] },
  controller_runtime_active_workers: { type: 'gauge', help: 'Workers with a key in hand.', labels: ['controller'] },
  leader_election_master_status: { type: 'gauge', help: '1 while this process leads.', labels: ['name'] },
  quaymaster_informer_relists_total: {
    type: 'counter',
    help: 'Full reads of a kind, by reason.',
    labels: ['resource', 'reason'],
  },
  quaymaster_informer_failures_total: {
    type: 'counter',
    help: 'Failures of list or watch that were survived, by reason.',
    labels: ['resource', 'reason'],
  },
  quaymaster_informer_objects: { type: 'gauge', help: 'Objects in the cache.', labels: ['resource'] },
  quaymaster_informer_handler_errors_total: {
    type: 'counter',
    help: 'Handlers of cache events that threw.',
    labels: ['resource'],
  },
  quaymaster_events_dropped_total: {
    type: 'counter',
    help: 'Events not written: rate limit, full buffer or refusal.',
    labels: ['reason'],
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

export type MetricName = keyof typeof metricTable;
export type MetricLabels = Readonly<Record<string, string>>;

/** Where numbers go. A binder to a metrics library implements it; nothing here knows which. */
export interface MetricSink {
  count(name: MetricName, labels: MetricLabels, by?: number): void;
  gauge(name: MetricName, labels: MetricLabels, value: number): void;
  observe(name: MetricName, labels: MetricLabels, value: number): void;
}

export const noMetrics: MetricSink = { count: () => {}, gauge: () => {}, observe: () => {} };

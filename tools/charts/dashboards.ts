/** Two Grafana dashboards: the operator and the hubs. Every query is over metrics of our own tables, which a test holds. */
import { hubJob, operatorJob } from './alerts.ts';

interface Panel {
  readonly title: string;
  readonly unit: string;
  /** Expression and legend. */
  readonly lines: readonly (readonly [expr: string, legend: string])[];
}

const rate = (metric: string, labels: string): string => `rate(${metric}{${labels}}[$__rate_interval])`;
const quantile = (q: number, by: string, metric: string, labels: string): string =>
  `histogram_quantile(${q}, sum by (le, ${by}) (${rate(`${metric}_bucket`, labels)}))`;

const ofOperator = `job="${operatorJob}", namespace=~"$namespace"`;
const operatorPanels: readonly Panel[] = [
  { title: 'Leader', unit: 'short', lines: [[`leader_election_master_status{${ofOperator}}`, '{{pod}}']] },
  {
    title: 'Objects by Ready',
    unit: 'short',
    lines: [[`max by (kind, ready) (quaymaster_operator_objects{${ofOperator}})`, '{{kind}} {{ready}}']],
  },
  {
    title: 'Connected hub replicas',
    unit: 'short',
    lines: [[`sum by (state) (quaymaster_control_connections{${ofOperator}})`, '{{state}}']],
  },
  {
    title: 'Reconciles',
    unit: 'ops',
    lines: [
      [
        `sum by (controller, result) (${rate('controller_runtime_reconcile_total', ofOperator)})`,
        '{{controller}} {{result}}',
      ],
    ],
  },
  {
    title: 'Reconcile time, p95',
    unit: 's',
    lines: [[quantile(0.95, 'controller', 'controller_runtime_reconcile_time_seconds', ofOperator), '{{controller}}']],
  },
  {
    title: 'Queue',
    unit: 'short',
    lines: [[`sum by (name) (workqueue_depth{${ofOperator}})`, '{{name}}']],
  },
  {
    title: 'Configuration acknowledged, p95',
    unit: 's',
    lines: [[quantile(0.95, 'verdict', 'quaymaster_control_ack_seconds', ofOperator), '{{verdict}}']],
  },
  {
    title: 'Requests to the API server',
    unit: 'reqps',
    lines: [[`sum by (method, code) (${rate('rest_client_requests_total', ofOperator)})`, '{{method}} {{code}}']],
  },
  {
    title: 'Watch failures survived',
    unit: 'ops',
    lines: [
      [
        `sum by (resource, reason) (${rate('quaymaster_informer_failures_total', ofOperator)})`,
        '{{resource}} {{reason}}',
      ],
    ],
  },
  { title: 'Memory', unit: 'bytes', lines: [[`process_resident_memory_bytes{${ofOperator}}`, '{{pod}}']] },
  {
    title: 'Event loop delay, p99',
    unit: 's',
    lines: [[`quaymaster_operator_event_loop_delay_seconds{${ofOperator}, quantile="0.99"}`, '{{pod}}']],
  },
];

const ofHub = `job="${hubJob}", namespace=~"$namespace", hub=~"$hub"`;
const ofHubPod = `job="${hubJob}", namespace=~"$namespace"`;
const hubPanels: readonly Panel[] = [
  {
    title: 'Requests',
    unit: 'reqps',
    lines: [[`sum by (method) (${rate('mcp_server_operation_duration_seconds_count', ofHub)})`, '{{method}}']],
  },
  {
    title: 'Errors',
    unit: 'reqps',
    lines: [[`sum by (server, code) (${rate('quaymaster_call_errors_total', ofHub)})`, '{{server}} {{code}}']],
  },
  {
    title: 'Time to answer, p95',
    unit: 's',
    lines: [[quantile(0.95, 'server', 'mcp_server_operation_duration_seconds', ofHub), '{{server}}']],
  },
  {
    title: 'Calls in flight and waiting',
    unit: 'short',
    lines: [
      [`sum by (hub) (quaymaster_calls_in_flight{${ofHub}})`, '{{hub}} in flight'],
      [`sum by (hub) (quaymaster_calls_waiting{${ofHub}})`, '{{hub}} waiting'],
    ],
  },
  {
    title: 'Sessions and streams',
    unit: 'short',
    lines: [
      [`sum by (hub) (quaymaster_sessions{${ofHub}})`, '{{hub}} sessions'],
      [`sum by (hub) (quaymaster_streams{${ofHub}})`, '{{hub}} streams'],
    ],
  },
  {
    title: 'Servers that are ready',
    unit: 'short',
    lines: [[`max by (server) (quaymaster_upstream_state{${ofHubPod}, phase="Ready"})`, '{{server}}']],
  },
  {
    title: 'Refused by a limit',
    unit: 'reqps',
    lines: [[`sum by (limit) (${rate('quaymaster_limit_rejections_total', ofHubPod)})`, '{{limit}}']],
  },
  {
    title: 'Connected to the operator',
    unit: 'short',
    lines: [[`min by (hub) (quaymaster_hub_control_connected{${ofHub}})`, '{{hub}}']],
  },
  { title: 'Memory', unit: 'bytes', lines: [[`process_resident_memory_bytes{${ofHubPod}}`, '{{pod}}']] },
  {
    title: 'Event loop delay, p99',
    unit: 's',
    lines: [[`quaymaster_event_loop_delay_seconds{${ofHubPod}, quantile="0.99"}`, '{{pod}}']],
  },
];

const variable = (name: string, query: string): object => ({
  name,
  type: 'query',
  datasource: { type: 'prometheus', uid: '$datasource' },
  query: { query, refId: name },
  includeAll: true,
  allValue: '.*',
  multi: true,
  refresh: 2,
  current: { text: 'All', value: '$__all' },
});

function dashboard(uid: string, title: string, variables: readonly object[], panels: readonly Panel[]): object {
  return {
    uid,
    title,
    tags: ['quaymaster', 'mcp'],
    schemaVersion: 39,
    time: { from: 'now-1h', to: 'now' },
    refresh: '30s',
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }, ...variables] },
    panels: panels.map((panel, index) => ({
      id: index + 1,
      type: 'timeseries',
      title: panel.title,
      datasource: { type: 'prometheus', uid: '$datasource' },
      gridPos: { x: (index % 2) * 12, y: Math.floor(index / 2) * 8, w: 12, h: 8 },
      fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
      targets: panel.lines.map(([expr, legendFormat], line) => ({
        refId: String.fromCodePoint(65 + line),
        expr,
        legendFormat,
      })),
    })),
  };
}

/** By file name. */
export const dashboards: Readonly<Record<string, object>> = {
  'quaymaster-operator': dashboard(
    'quaymaster-operator',
    'Quaymaster / Operator',
    [variable('namespace', `label_values(quaymaster_operator_build_info{job="${operatorJob}"}, namespace)`)],
    operatorPanels,
  ),
  'quaymaster-hubs': dashboard(
    'quaymaster-hubs',
    'Quaymaster / Hubs',
    [
      variable('namespace', `label_values(quaymaster_calls_in_flight{job="${hubJob}"}, namespace)`),
      variable('hub', `label_values(quaymaster_calls_in_flight{job="${hubJob}", namespace=~"$namespace"}, hub)`),
    ],
    hubPanels,
  ),
};

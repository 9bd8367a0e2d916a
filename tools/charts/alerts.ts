/**
 * Alerts on what a person has to look at, and nothing else. Each has a section of the same name in docs/alerts.md.
 *
 * Jobs are named by the chart's monitors (`jobLabel`), since other operators share many of these metric names.
 */
export const operatorJob = 'quaymaster-operator';
export const hubJob = 'quaymaster-hub';

export interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
}

export const alerts: readonly Alert[] = [
  {
    name: 'QuaymasterOperatorAbsent',
    expr: `absent(quaymaster_operator_build_info{job="${operatorJob}"})`,
    for: '5m',
    severity: 'critical',
    summary: 'No operator is running. Hubs and servers go on as they are; changes wait.',
  },
  {
    name: 'QuaymasterOperatorWithoutLeader',
    expr: `sum(leader_election_master_status{job="${operatorJob}", name="quaymaster-operator"}) == 0`,
    for: '2m',
    severity: 'critical',
    summary: 'Operators run, but none of them leads. Changes wait.',
  },
  {
    name: 'QuaymasterReconcileErrors',
    expr: `sum by (controller) (rate(controller_runtime_reconcile_errors_total{job="${operatorJob}"}[10m])) > 0.1`,
    for: '15m',
    severity: 'warning',
    summary: 'The controller {{ $labels.controller }} keeps failing.',
  },
  {
    name: 'QuaymasterObjectsNotReady',
    expr: `max by (kind) (quaymaster_operator_objects{job="${operatorJob}", ready="False"}) > 0`,
    for: '30m',
    severity: 'warning',
    summary: '{{ $value }} objects of kind {{ $labels.kind }} are not ready.',
  },
  {
    name: 'QuaymasterHubCutOff',
    expr: `quaymaster_hub_control_connected{job="${hubJob}"} == 0`,
    for: '10m',
    severity: 'warning',
    summary: 'A replica of {{ $labels.hub }} does not reach the operator. It serves its last configuration.',
  },
  {
    name: 'QuaymasterServerNotReady',
    expr: `max by (server) (quaymaster_upstream_state{job="${hubJob}", phase="Ready"}) == 0`,
    for: '15m',
    severity: 'warning',
    summary: 'No hub reaches the server {{ $labels.server }}.',
  },
];

/** `groups` of a PrometheusRule. The chart puts them in as text, so that `{{ $labels }}` stays for Prometheus. */
export function alertRules(): object {
  return {
    groups: [
      {
        name: 'quaymaster',
        rules: alerts.map(({ name, expr, severity, summary, for: time }) => ({
          alert: name,
          expr,
          for: time,
          labels: { severity },
          annotations: { summary, runbook: `docs/alerts.md#${name.toLowerCase()}` },
        })),
      },
    ],
  };
}

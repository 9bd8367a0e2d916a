/** Every metric of the control stream, in the form of `kube/metrics`: a binder registers the table once, rooms see the sink. */
import type { MetricLabels, MetricRow } from '../kube/index.ts';

export const controlMetricTable = {
  quaymaster_control_connections: {
    type: 'gauge',
    help: 'Streams of hubs: proven (hello accepted) and unproven (on their way there).',
    labels: ['state'],
  },
  quaymaster_control_messages_total: {
    type: 'counter',
    help: 'Messages by type; in is from hubs.',
    labels: ['type', 'direction'],
  },
  quaymaster_control_bytes_total: {
    type: 'counter',
    help: 'Bytes of messages; in is from hubs.',
    labels: ['direction'],
  },
  quaymaster_control_ack_seconds: {
    type: 'histogram',
    help: 'Time from publishing a document (or from the hello of a replica that came later) to its acknowledgement, by verdict.',
    labels: ['verdict'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  quaymaster_control_rejected_total: {
    type: 'counter',
    help: 'Connections and streams that were refused or ended by the operator, by reason.',
    labels: ['reason'],
  },
  quaymaster_control_reviews_total: {
    type: 'counter',
    help: 'Checks of tokens: answered by the API server (accepted, refused), by memory (cached), or not at all (failed).',
    labels: ['result'],
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

export type ControlMetricName = keyof typeof controlMetricTable;

export interface ControlMetrics {
  count(name: ControlMetricName, labels: MetricLabels, by?: number): void;
  gauge(name: ControlMetricName, labels: MetricLabels, value: number): void;
  observe(name: ControlMetricName, labels: MetricLabels, value: number): void;
}

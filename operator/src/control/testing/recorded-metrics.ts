import type { RecordingMetrics } from '../../kube/testing/index.ts';
import { recordingMetrics } from '../../kube/testing/index.ts';
import type { ControlMetrics } from '../control-metrics.ts';

/** The same recorder under the names of this room. */
export function controlMetrics(): RecordingMetrics & ControlMetrics {
  return recordingMetrics() as unknown as RecordingMetrics & ControlMetrics;
}

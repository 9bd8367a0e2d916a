import type { Clock } from '../base/index.ts';
import type { MetricsRegistry } from './metrics-registry.ts';
export declare function registerProcessMetrics(registry: MetricsRegistry, clock: Clock, version: string, droppedLines: () => number): void;

/**
 * The observer of a real hub: metrics of the table, and one log line per operation (EF-69, EF-71).
 *
 * Runs once per call. Label sets are bound on first use and found again by one string key; the log line is put together by hand
 * from parts that are known or masked before. No label ever holds what a client sent, except capped tool and prompt names.
 */
import { type Clock, type LogLevel } from '../base/index.ts';
import type { MetricsRegistry } from './metrics-registry.ts';
import type { Observer } from './observer.ts';
export interface ObserverOptions {
    readonly registry: MetricsRegistry;
    /** Where operation lines go. Absent: metrics only. */
    readonly log?: {
        readonly level: LogLevel;
        line(json: string): void;
        dropped(): number;
    };
    readonly version?: string;
    readonly clock?: Clock;
    /** Target names with series of their own, per server and over all servers. */
    readonly targetsPerServer?: number;
    readonly targetsInAll?: number;
}
export declare function createObserver(options: ObserverOptions): Observer;

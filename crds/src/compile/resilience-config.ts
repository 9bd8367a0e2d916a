/** McpServer.spec.resilience -> numbers. A section that is not written has its defaults, as if it were written empty. */
import type { ResilienceConfig } from '../hub-config/index.ts';
import type { McpServerSpec } from '../server/index.ts';
import { applyDefaults, schemaFor } from '../structural/index.ts';
import { parseDuration } from '../units/index.ts';

type Resilience = NonNullable<McpServerSpec['resilience']>;

export function toResilience(spec: McpServerSpec): ResilienceConfig {
  const { attempts, backoff, delay, maxDelay, perTry } = section(spec, 'retry');
  const bulkhead = section(spec, 'bulkhead');
  const breaker = section(spec, 'circuitBreaker');
  return {
    retry: {
      attempts,
      backoff,
      delayMs: ms(delay),
      maxDelayMs: ms(maxDelay),
      ...(perTry === undefined ? {} : { perTryMs: ms(perTry) }),
    },
    ...(breaker.enabled
      ? {
          breaker: {
            windowMs: ms(breaker.window),
            minCalls: breaker.minCalls,
            failurePercent: breaker.failureThreshold,
            ...(breaker.slowCall === undefined ? {} : { slowMs: ms(breaker.slowCall) }),
            slowPercent: breaker.slowThreshold,
            openMs: ms(breaker.openFor),
            maxOpenMs: ms(breaker.maxOpenFor),
            probes: breaker.probes,
          },
        }
      : {}),
    bulkhead: {
      ...(bulkhead.maxConcurrent === undefined ? {} : { maxConcurrent: bulkhead.maxConcurrent }),
      ...(bulkhead.perTool === undefined ? {} : { perTool: bulkhead.perTool }),
      queue: bulkhead.queue,
      queueMs: ms(bulkhead.queueTimeout),
    },
  };
}

function section<K extends keyof Resilience>(spec: McpServerSpec, name: K): NonNullable<Resilience[K]> {
  const schema = schemaFor('McpServer')?.properties?.['spec']?.properties?.['resilience']?.properties?.[name];
  const given = spec.resilience?.[name] ?? {};
  return (schema === undefined ? given : applyDefaults(schema, given)) as NonNullable<Resilience[K]>;
}

/** The schema has let only durations through. */
function ms(text: string): number {
  return parseDuration(text) ?? 0;
}

/** A valid server configuration, dependencies that do nothing, and calls to send. */
import type { ServerConfig } from '@quaymaster/crds';

import { type Clock, silentLogger, systemClock } from '../../base/index.ts';
import { ChildRegistry } from '../../bridge/index.ts';
import {
  anonymous,
  type Caller,
  Cancellation,
  type Exchange,
  type HubGraph,
  type LaneCall,
  type Leg,
  type Outcome,
  type ServerTarget,
} from '../../exchange/index.ts';
import { serverConfig as anyConfig } from '../../fixtures/index.ts';
import { silentObserver } from '../../observe/index.ts';
import { encodeText, type RawJson, rawOf, scanObject } from '../../wire/index.ts';
import { createHttpPool } from '../http/index.ts';
import type { UpstreamDeps } from '../upstream-deps.ts';

export function serverConfig(change: Partial<ServerConfig> = {}): ServerConfig {
  return anyConfig('files', {
    source: { kind: 'remote', url: 'http://127.0.0.1/mcp' },
    health: { intervalMs: 30_000, timeoutMs: 1_000, failureThreshold: 3 },
    timeouts: { startMs: 5_000, callMs: 2_000, callMaxMs: 10_000, connectMs: 1_000 },
    ...change,
  });
}

export function upstreamDeps(
  target: ServerTarget | (() => Promise<ServerTarget>),
  change: Partial<UpstreamDeps> & { readonly clock?: Clock } = {},
): UpstreamDeps {
  return {
    clock: systemClock,
    random: () => 0.5,
    log: silentLogger,
    targets: { resolve: typeof target === 'function' ? target : () => Promise.resolve(target) },
    observer: silentObserver,
    http: createHttpPool(),
    children: new ChildRegistry({ exits: { on: () => {}, off: () => {} } }),
    hubInfo: { name: 'quaymaster', version: '0.0.0' },
    ...change,
  };
}

export interface SentCall {
  readonly call: LaneCall;
  readonly caller: Caller;
  readonly leg: Leg;
  /** Notifications that reached the client's request. */
  readonly notes: RawJson[];
}

export interface CallOptions {
  readonly leg?: Partial<Leg>;
  readonly caller?: Partial<Caller>;
  readonly call?: Partial<LaneCall>;
  readonly exchange?: Partial<Exchange>;
}

export function makeCall(method: string, params: object, options: CallOptions = {}): SentCall {
  const notes: RawJson[] = [];
  const leg: Leg = {
    id: '1' as RawJson,
    progressToken: undefined,
    logLevel: undefined,
    cancellation: new Cancellation(),
    notify: (message) => void notes.push(message),
    ...options.leg,
  };
  const caller: Caller = {
    era: 'modern',
    revision: '2026-07-28',
    principal: anonymous,
    session: undefined,
    capabilities: '{}' as RawJson,
    clientInfo: undefined,
    ...options.caller,
  };
  const named = params as { readonly name?: string; readonly uri?: string };
  const target = named.name ?? named.uri;
  const exchange: Exchange = {
    method,
    params: scanObject(rawOf(params)),
    caller,
    graph: {} as HubGraph,
    leg,
    ...options.exchange,
  };
  const call: LaneCall = {
    exchange,
    edits: [],
    target: target === undefined ? undefined : encodeText(target),
    ...options.call,
  };
  return { call, caller, leg, notes };
}

/** The result as a value. Throws what the outcome says when it is none. */
export function resultOf(outcome: Outcome): Record<string, unknown> {
  if (outcome.kind !== 'result' && outcome.kind !== 'inputRequired') throw new Error(JSON.stringify(outcome));
  const { raw, start, end } = outcome.result;
  return JSON.parse(Buffer.from(raw.slice(start, end), 'latin1').toString('utf8')) as Record<string, unknown>;
}

/** Waits for a condition, at most two seconds. */
/** A limit for busy machines, not a bar: what is waited for comes in milliseconds. */
const patienceMs = 8_000;

export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const until = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > until) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A hub for the edges' own tests: answers what the test tells it to, records what it was asked. */
import type { HubConfig } from '@quaymaster/crds';

import { createTestClock, silentLogger, type TestClock } from '../base/index.ts';
import type {
  Caller,
  CatalogSnapshot,
  Exchange,
  HubGraph,
  HubPort,
  ListKind,
  Outcome,
  Route,
} from '../exchange/index.ts';
import { silentObserver } from '../observe/index.ts';
import { createSealer } from '../session/index.ts';
import { rawOf, scanObject, type ScannedObject } from '../wire/index.ts';
import type { EdgeDeps } from './edge-deps.ts';

type Answer = (exchange: Exchange) => Outcome | Promise<Outcome>;

export class FakeHub implements HubPort {
  readonly graph: HubGraph;
  readonly calls: Exchange[] = [];
  readonly notifications: { readonly method: string; readonly caller: Caller }[] = [];
  readonly endedSessions: string[] = [];
  readonly routes = new Map<string, Route>();
  answer: Answer = (exchange) => textResult(`did ${exchange.method}`);
  failCapabilities = false;
  #listeners = new Set<(kinds: readonly ListKind[]) => void>();

  constructor(config: Partial<HubConfig> = {}) {
    const catalog = {
      hash: 'h',
      tool: (name: string) => this.routes.get(name),
      capabilities: () => {
        if (this.failCapabilities) throw new Error('bug');
        return rawOf({ tools: { listChanged: true } });
      },
      instructions: rawOf('Be kind.'),
    } as unknown as CatalogSnapshot;
    this.graph = {
      config: { ...defaultConfig, ...config },
      generation: 1,
      catalog,
      upstream: () => undefined,
      upstreams: [],
    };
  }

  async handle(exchange: Exchange): Promise<Outcome> {
    this.calls.push(exchange);
    return this.answer(exchange);
  }

  notify(method: string, _params: ScannedObject | undefined, caller: Caller): void {
    this.notifications.push({ method, caller });
  }

  onListsChanged(listener: (kinds: readonly ListKind[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  sessionEnded(sessionId: string): void {
    this.endedSessions.push(sessionId);
  }

  changeLists(...kinds: ListKind[]): void {
    for (const listener of this.#listeners) listener(kinds);
  }
}

const defaultConfig: HubConfig = {
  version: 1,
  namespace: 'default',
  name: 'desk',
  hash: '0000000000000000',
  path: '/mcp',
  eras: ['modern', 'legacy'],
  naming: { strategy: 'prefix', separator: '_', maxLength: 64, aliases: {} },
  auth: { mode: 'none' },
  limits: {
    payloadBytes: 4096,
    jsonDepth: 16,
    jsonNodes: 500,
    batch: 3,
    inFlight: 100,
    sessions: 4,
    streams: 3,
    streamBufferBytes: 65_536,
    pageSize: 100,
  },
  timeouts: { callMs: 60_000, callMaxMs: 600_000, sessionIdleMs: 60_000, keepAliveMs: 15_000 },
  servers: [],
};

export function limitedConfig(
  limits: Partial<HubConfig['limits']>,
  timeouts: Partial<HubConfig['timeouts']> = {},
): Partial<HubConfig> {
  return {
    limits: { ...defaultConfig.limits, ...limits },
    timeouts: { ...defaultConfig.timeouts, ...timeouts },
  };
}

/** What a legacy server called `notes` would have answered. */
export function textResult(text: string, extra: Readonly<Record<string, unknown>> = {}): Outcome {
  return serverResult({ content: [{ type: 'text', text }], ...extra });
}

export function serverResult(value: unknown, era: 'modern' | 'legacy' = 'legacy'): Outcome {
  const result = scanObject(rawOf(value));
  if (result === undefined) throw new Error('not an object');
  return { kind: 'result', result, era, server: 'notes' };
}

export interface TestEdge {
  readonly deps: EdgeDeps;
  readonly clock: TestClock;
  /** `name label` -> count. */
  readonly counted: Map<string, number>;
}

export function testEdge(): TestEdge {
  const clock = createTestClock();
  const counted = new Map<string, number>();
  let seed = 0;
  const randomBytes = (size: number): Buffer => Buffer.alloc(size, ++seed);
  return {
    clock,
    counted,
    deps: {
      hubInfo: { name: 'quaymaster', version: '0.0.0' },
      clock,
      randomBytes,
      log: silentLogger,
      observer: {
        ...silentObserver,
        count(name, label, by = 1) {
          const key = `${name} ${label}`;
          counted.set(key, (counted.get(key) ?? 0) + by);
        },
      },
      sealer: createSealer([Buffer.alloc(32, 7)], clock, randomBytes),
    },
  };
}

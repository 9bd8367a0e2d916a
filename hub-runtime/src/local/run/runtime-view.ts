/** The running state as rows and objects for the commands. Reads only; computed when asked. */
import { advised, type Condition, type HubConfig, type ServerOutcome, type ServerSource } from '@quaymaster/crds';

import type { HubHost } from '../../config/index.ts';
import { hubPath } from '../../driver/index.ts';
import type { HubPort, Upstream } from '../../exchange/index.ts';
import { type CapabilityGraph, capabilityGraph } from '../../graph/index.ts';
import type { StoreProblem } from '../../session-bodies/index.ts';
import { parseRaw } from '../../wire/index.ts';
import type { HubRow, ObjectKind, ServerRow, ToolRow } from '../control/index.ts';
import type { Project } from '../project/index.ts';
import type { NotReady, ServesPartly } from './local-events.ts';
import { type RunningHub, StatusBook } from './observed-status.ts';

export interface RuntimeViewDeps {
  readonly host: HubHost;
  readonly project: () => Project;
  /** `http://host:port`; undefined when there is no listener. */
  readonly base: () => string | undefined;
  readonly logFile: (server: string) => string;
  readonly lockHash: (server: string) => string | undefined;
  /** What is wrong with the store of a hub's sessions. */
  readonly storeProblem: (hub: string) => StoreProblem | undefined;
  readonly now: () => number;
}

export class RuntimeView {
  readonly #deps: RuntimeViewDeps;
  readonly #book: StatusBook;

  constructor(deps: RuntimeViewDeps) {
    this.#deps = deps;
    this.#book = new StatusBook(deps.now);
  }

  hubs(): HubRow[] {
    return this.#deps.project().compiled.hubs.map((config, index) => {
      const running = this.#running(config, index);
      const key = keyOf(config);
      const object = this.objects('McpHub').find((one) => nameOf(one) === key);
      const condition = conditionsOf(object);
      const ready = config.servers.filter((server) => running?.phases.get(server.key) === 'Ready').length;
      return {
        key,
        url: running?.url ?? '',
        ready: condition('Ready'),
        servers: { total: config.servers.length, ready },
        tools: running?.catalog.counts.tools ?? 0,
        configHash: config.hash,
        insecure: condition('Insecure') === 'True',
      };
    });
  }

  servers(): ServerRow[] {
    return this.#deps.project().compiled.servers.map((outcome) => this.#serverRow(outcome));
  }

  tools(hub: string | undefined): ToolRow[] {
    const configs = this.#deps.project().compiled.hubs.filter((config) => hub === undefined || keyOf(config) === hub);
    return configs.flatMap((config) => {
      const port = this.#deps.host.hub(keyOf(config));
      return port === undefined ? [] : toolsOf(keyOf(config), port);
    });
  }

  graphs(hub: string | undefined): CapabilityGraph[] {
    return this.#deps.host.hubs
      .map(({ graph }) => graph)
      .filter(({ config }) => hub === undefined || keyOf(config) === hub)
      .map(capabilityGraph);
  }

  objects(kind: ObjectKind): readonly Readonly<Record<string, unknown>>[] {
    const { compiled } = this.#deps.project();
    if (kind === 'McpServer')
      return compiled.servers.map((outcome) =>
        this.#book.server(outcome, this.#upstream(outcome), this.#deps.lockHash(outcome.key)),
      );
    return compiled.hubOutcomes.map((outcome) => {
      const index = compiled.hubs.findIndex((config) => keyOf(config) === outcome.key);
      const config = compiled.hubs[index];
      return this.#book.hub(outcome, config === undefined ? undefined : this.#running(config, index));
    });
  }

  /** Over all hubs. */
  toolCount(): number {
    return this.hubs().reduce((sum, hub) => sum + hub.tools, 0);
  }

  /** Servers that some hub offers and that do not serve now, with the reason. Sleeping ones are as they should be. */
  notReady(): NotReady[] {
    const upstreams = this.#deps.host.upstreams();
    const lazy = new Set(
      upstreams
        .filter((one) => one.config.lifecycle.start !== 'eager' && one.state.phase === 'Pending')
        .map((one) => one.key),
    );
    return upstreams
      .filter((one) => one.state.phase !== 'Ready' && !lazy.has(one.key))
      .map(({ key, state }) => ({
        key,
        phase: state.phase,
        reason: state.reason,
        message: advised(state.reason, state.message === '' ? state.reason : state.message),
      }));
  }

  /** Hubs that cannot offer all that their servers list. */
  servesPartly(): ServesPartly[] {
    return this.#deps.project().compiled.hubs.flatMap((config) => {
      const { problems = [] } = this.#deps.host.hub(keyOf(config))?.graph.catalog ?? {};
      const [first] = problems;
      if (first === undefined) return [];
      const shown = problems.slice(0, mostProblems).map((one) => one.message);
      const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
      return [
        { key: keyOf(config), reason: first.reason, message: advised(first.reason, [...shown, ...more].join(' | ')) },
      ];
    });
  }

  url(config: HubConfig, index: number): string {
    const base = this.#deps.base();
    return base === undefined ? 'stdio' : base + hubPath(config, index === 0);
  }

  /** Something changed: conditions are looked at now, so that transition times are those of the change and not of the first look. */
  observe(): void {
    this.objects('McpServer');
    this.objects('McpHub');
  }

  /** Called after each configuration, so that the book does not grow with every name that ever was. */
  configChanged(): void {
    const { compiled } = this.#deps.project();
    const keys = [
      ...compiled.servers.map((one) => `McpServer ${one.key}`),
      ...compiled.hubOutcomes.map((one) => `McpHub ${one.key}`),
    ];
    this.#book.forgetAllBut(new Set(keys));
  }

  #running(config: HubConfig, index: number): RunningHub | undefined {
    const port = this.#deps.host.hub(keyOf(config));
    if (port === undefined) return undefined;
    const { graph } = port;
    const phases = new Map(graph.upstreams.map((upstream) => [upstream.key, upstream.state.phase]));
    const problem = this.#deps.storeProblem(keyOf(config));
    const problems = problem === undefined ? graph.catalog.problems : [problem, ...graph.catalog.problems];
    return { url: this.url(config, index), configHash: config.hash, catalog: graph.catalog, problems, phases };
  }

  #upstream(outcome: ServerOutcome): Upstream | undefined {
    return this.#deps.host.upstreams().find((upstream) => upstream.key === outcome.key);
  }

  #serverRow(outcome: ServerOutcome): ServerRow {
    const upstream = this.#upstream(outcome);
    const why = outcome.conditions.find((condition) => condition.status === 'False');
    const listing = upstream?.listing;
    return {
      key: outcome.key,
      phase: upstream?.state.phase ?? 'Stopped',
      reason: upstream?.state.reason ?? why?.reason ?? 'NotSelected',
      message: upstream?.state.message ?? why?.message ?? 'no McpHub selects it',
      source: outcome.config === undefined ? '' : describeSource(outcome.config.source),
      era: listing?.era,
      revision: listing?.revision,
      transport: listing?.transport,
      tools: listing?.tools.length,
      pid: upstream?.state.pid,
      restarts: upstream?.state.restarts ?? 0,
      since: upstream?.state.since ?? 0,
      hubs: outcome.hubs,
      logFile: this.#deps.logFile(outcome.key),
    };
  }
}

function keyOf(config: HubConfig): string {
  return `${config.namespace}/${config.name}`;
}

function nameOf(object: Readonly<Record<string, unknown>>): string {
  const { name, namespace } = object['metadata'] as { name: string; namespace?: string };
  return `${namespace ?? 'default'}/${name}`;
}

function conditionsOf(object: Readonly<Record<string, unknown>> | undefined): (type: string) => string {
  const status = (object?.['status'] ?? {}) as { conditions?: readonly Condition[] };
  return (type) => status.conditions?.find((one) => one.type === type)?.status ?? 'Unknown';
}

/** Of what a hub leaves out, on one line. */
const mostProblems = 5;

/** A catalog has at most a few pages; the bound is against a page that names itself as the next one. */
const mostPages = 1000;

function toolsOf(hub: string, port: HubPort): ToolRow[] {
  const { catalog } = port.graph;
  const rows: ToolRow[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const raw = catalog.page('tools', cursor, 'modern');
    if (raw === undefined) break;
    const { tools, nextCursor } = parseRaw(raw) as { tools: Record<string, unknown>[]; nextCursor?: string };
    for (const definition of tools) {
      const meta = definition['_meta'] as Record<string, unknown> | undefined;
      rows.push({
        name: String(definition['name']),
        hub,
        server: String(meta?.['dev.quaymaster/upstream'] ?? ''),
        definition,
      });
    }
    if (nextCursor === undefined) break;
    cursor = nextCursor;
  }
  return rows;
}

/** What runs, in one line. Arguments stay out: they may hold anything. */
export function describeSource(source: ServerSource): string {
  switch (source.kind) {
    case 'npm':
      return `npm ${source.package}@${source.version}`;
    case 'pypi':
      return `pypi ${source.package}==${source.version}`;
    case 'command':
      return `command ${source.command}`;
    case 'image':
      return `image ${source.image}`;
    case 'hub':
      return 'name' in source ? `hub ${source.name}` : `hub ${withoutQuery(source.url)}`;
    case 'remote':
      return `remote ${withoutQuery(source.url)}`;
  }
}

function withoutQuery(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at);
}

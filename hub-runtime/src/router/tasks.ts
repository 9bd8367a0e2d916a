/**
 * Tasks: calls that go on after their answer. Relayed within an era, each in its own form; across eras a call runs inline.
 *
 *  modern to modern: the extension (`resultType: "task"`, tasks/get, update, cancel), only for clients that declared it
 *  legacy to legacy: core tasks of 2025-11-25 (`task` with the call, tasks/get, result, cancel)
 *  across:           nobody is told of tasks of the other form; a tool that a legacy server runs as a task only is begun as one here, and the
 *                    client gets its result as the answer to its call
 * Their names are the hub's (`task-ids.ts`). What a tool gives in the end is checked and edited like the answer to a call. There is no tasks/list:
 * 2026-07-28 has none, to 2025-11-25 it is a capability of its own, and a server that several clients share would list them all.
 */
import {
  type Caller,
  Cancellation,
  type ErrorOutcome,
  type Exchange,
  hubError,
  type HubGraph,
  lackingCapability,
  type LaneCall,
  type Leg,
  type Outcome,
  type ResultOutcome,
  type Route,
  type Upstream,
} from '../exchange/index.ts';
import {
  declaresExtension,
  editObject,
  emptyObject,
  type MemberEdit,
  memberRaw,
  memberString,
  type RawJson,
  type ScannedObject,
  scanObject,
  tasksExtension,
} from '../wire/index.ts';
import type { CallTrace } from './call-record.ts';
import { invalidParams, unknownMethod } from './refusals.ts';
import { exposeUris, wrapStructured } from './result-edits.ts';
import type { SchemaChecks } from './schema-checks.ts';
import { longestTaskId, type NamedTask, type TaskIds } from './task-ids.ts';

type Send = (call: LaneCall, upstream: Upstream, trace: CallTrace) => Promise<Outcome>;

const methods: Readonly<Record<Caller['era'], ReadonlySet<string>>> = {
  modern: new Set(['tasks/get', 'tasks/update', 'tasks/cancel']),
  legacy: new Set(['tasks/get', 'tasks/result', 'tasks/cancel']),
};
const relatedTask = 'io.modelcontextprotocol/related-task';
const unbounded = { depth: 4_096, nodes: Number.MAX_SAFE_INTEGER } as const;

/** A request about a task. */
interface Asked {
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly task: NamedTask;
  /** Its name as the client gave it. */
  readonly given: RawJson;
}

export class Tasks {
  readonly #ids: TaskIds;
  readonly #send: Send;
  readonly #checks: SchemaChecks;

  constructor(ids: TaskIds, send: Send, checks: SchemaChecks) {
    this.#ids = ids;
    this.#send = send;
    this.#checks = checks;
  }

  /** A request about a task. */
  handle(exchange: Exchange, trace: CallTrace): Outcome | Promise<Outcome> {
    const { caller, method, params, graph } = exchange;
    if (!methods[caller.era].has(method)) return unknownMethod(method);
    if (caller.era === 'modern' && !declaresExtension(caller.capabilities, tasksExtension))
      return lackingCapability({ extensions: { [tasksExtension]: {} } });
    const given = memberString(params, 'taskId');
    if (given === undefined) return invalidParams('params.taskId must be a string');
    const task = this.#ids.open(exchange, given);
    const upstream = task === undefined ? undefined : graph.upstream(task.server);
    if (task === undefined || upstream === undefined) return invalidParams('Unknown task');
    return this.#ask({ exchange, upstream, task, given: literal(given) }, trace);
  }

  /** The task as it is now, for a client that listens to it. */
  async seen(taskId: string, caller: Caller, graph: HubGraph): Promise<Outcome> {
    const params = scanObject(`{"taskId":${literal(taskId)}}` as RawJson);
    const exchange: Exchange = { method: 'tasks/get', params, caller, graph, leg: nobodys() };
    return this.handle(exchange, { upstream: undefined, target: undefined });
  }

  /** What goes up of a tool call: `task` only to a legacy server that has tasks, of a legacy client. */
  static outgoing(exchange: Exchange, upstream: Upstream): Exchange {
    if (memberRaw(exchange.params, 'task') === undefined) return exchange;
    const { listing } = upstream;
    const isModern = listing?.era === 'modern';
    if (exchange.caller.era === 'modern' ? isModern : !isModern && runsTasks(listing?.capabilities)) return exchange;
    return { ...exchange, params: scanObject(editObject(exchange.params, [], ['task']), unbounded) };
  }

  /** The answer to a call as it was sent. */
  static isTask(outcome: ResultOutcome, { caller, params }: Exchange): boolean {
    return outcome.task === true || (caller.era === 'legacy' && memberRaw(params, 'task') !== undefined);
  }

  /** The answer to a tool call, with the hub's name when it is a task. */
  begun(outcome: ResultOutcome, exchange: Exchange, server: string): Outcome {
    const { result } = outcome;
    if (exchange.caller.era === 'legacy' && outcome.task === undefined) {
      const raw = memberRaw(result, 'task');
      const task = raw === undefined ? undefined : scanObject(raw, unbounded);
      const own = memberString(task, 'taskId');
      if (task === undefined || own === undefined) return outcome;
      if (own.length > longestTaskId) return unusable(server);
      const named = editObject(task, [['taskId', this.#ids.seal(exchange, server, own)]]);
      return edited(outcome, [['task', named]]);
    }
    const own = memberString(result, 'taskId');
    const { era, capabilities } = exchange.caller;
    const unasked = era === 'legacy' || !declaresExtension(capabilities, tasksExtension);
    if (own === undefined || own.length > longestTaskId || unasked) {
      return unasked
        ? hubError('QM_UPSTREAM_PROTOCOL', { server, reason: 'a task that nobody asked for' })
        : unusable(server);
    }
    return edited(outcome, [['taskId', this.#ids.seal(exchange, server, own)]]);
  }

  /** A tool that its legacy server runs as a task only, for a client that knows no such tasks. */
  async inline(call: LaneCall, exchange: Exchange, upstream: Upstream, trace: CallTrace): Promise<Outcome> {
    const begun = await this.#send({ ...call, edits: [...call.edits, ['task', emptyObject]] }, upstream, trace);
    const raw = begun.kind === 'result' ? memberRaw(begun.result, 'task') : undefined;
    const taskId = raw === undefined ? undefined : memberString(scanObject(raw, unbounded), 'taskId');
    if (taskId === undefined) return begun;
    const about = (method: string): LaneCall => {
      const params = scanObject(`{"taskId":${literal(taskId)}}` as RawJson);
      return { exchange: { ...exchange, method, params }, edits: [], target: undefined };
    };
    const outcome = await this.#send(about('tasks/result'), upstream, trace);
    if (exchange.leg.cancellation.cancelled) {
      const cancel = about('tasks/cancel');
      void this.#send({ ...cancel, exchange: { ...cancel.exchange, leg: nobodys() } }, upstream, { ...trace });
    }
    // Its name is nothing to a client that never heard of a task.
    const { result } = outcome.kind === 'result' ? outcome : { result: undefined };
    if (outcome.kind !== 'result' || result?.meta === undefined) return outcome;
    return edited(outcome, [['_meta', editObject(result.meta, [], [relatedTask])]]);
  }

  async #ask(asked: Asked, trace: CallTrace): Promise<Outcome> {
    const { exchange, upstream, task, given } = asked;
    const edits: readonly MemberEdit[] = [['taskId', literal(task.taskId)]];
    const outcome = await this.#send({ exchange, edits, target: task.taskId }, upstream, trace);
    if (outcome.kind !== 'result') return outcome;
    const { result } = outcome;
    const set: MemberEdit[] = [];
    // The rules of the extension say `complete`, its examples `task`.
    if (exchange.caller.era === 'modern') set.push(['resultType', '"complete"' as RawJson]);
    if (memberRaw(result, 'taskId') !== undefined) set.push(['taskId', given]);
    if (result.meta !== undefined && memberRaw(result.meta, relatedTask) !== undefined)
      set.push(['_meta', editObject(result.meta, [[relatedTask, `{"taskId":${given}}` as RawJson]])]);
    const inlined = memberRaw(result, 'result');
    const nested = inlined === undefined ? undefined : scanObject(inlined, unbounded);
    if (nested !== undefined) {
      const instead = await this.#misfit(nested, asked);
      if (instead !== undefined && instead.kind !== 'ready') return instead;
      set.push(['result', instead === undefined ? raw(ofTool(nested, asked)) : instead.result]);
    }
    const named = edited(outcome, set);
    if (exchange.method !== 'tasks/result' || named.kind !== 'result') return named;
    const instead = await this.#misfit(named.result, asked);
    if (instead === undefined) return { ...named, result: ofTool(named.result, asked) };
    return instead.kind === 'ready' ? { ...instead, result: related(instead.result, given) } : instead;
  }

  /** What the caller gets instead of a result that does not fit the schema of its tool; undefined: it fits, or nobody wants it checked. */
  async #misfit(result: ScannedObject, asked: Asked): Promise<Outcome | undefined> {
    const { exchange, upstream, task } = asked;
    const checks = routeOf(asked)?.checks;
    if (checks === undefined || task.tool === undefined) return undefined;
    const params = scanObject(`{"name":${literal(task.tool)}}` as RawJson);
    return this.#checks.ofResult(result, { ...exchange, params }, upstream.key, checks);
  }
}

/** The tool whose task it is. Undefined: it is gone, or another server has its name by now. */
function routeOf({ exchange, upstream, task: { tool } }: Asked): Route | undefined {
  const listed = tool === undefined ? undefined : exchange.graph.catalog.tool(tool);
  return listed?.serverKey === upstream.key ? listed : undefined;
}

/** The result of the tool as its caller gets it. */
function ofTool(result: ScannedObject, asked: Asked): ScannedObject {
  const { exchange, upstream } = asked;
  const { catalog } = exchange.graph;
  const exposed = exposeUris(result, 'tools/call', (uri) => catalog.exposedUri(upstream.key, uri));
  return exchange.caller.era === 'legacy' ? wrapStructured(exposed, routeOf(asked)?.wrapsStructured === true) : exposed;
}

/** A result of the hub's own making that stands for that of a task (2025-11-25, tasks). */
function related(result: RawJson, given: RawJson): RawJson {
  const object = scanObject(result, unbounded);
  const meta = editObject(object?.meta, [[relatedTask, `{"taskId":${given}}` as RawJson]]);
  return object === undefined ? result : editObject(object, [['_meta', meta]]);
}

function unusable(server: string): ErrorOutcome {
  return hubError('QM_UPSTREAM_PROTOCOL', { server, reason: 'a task without a usable taskId' });
}

/** Of a request that nobody waits for. */
function nobodys(): Leg {
  return {
    id: '0' as RawJson,
    progressToken: undefined,
    logLevel: undefined,
    cancellation: new Cancellation(),
    notify: () => {},
  };
}

function runsTasks(capabilities: ScannedObject | undefined): boolean {
  return capabilities !== undefined && memberRaw(capabilities, 'tasks') !== undefined;
}

function edited(outcome: ResultOutcome, set: readonly MemberEdit[]): ResultOutcome | ErrorOutcome {
  if (set.length === 0) return outcome;
  const result = scanObject(editObject(outcome.result, set), unbounded);
  return result === undefined ? hubError('QM_INTERNAL') : { ...outcome, result };
}

/** Of byte-form text. */
function literal(text: string): RawJson {
  return JSON.stringify(text) as RawJson;
}

function raw(object: ScannedObject): RawJson {
  return object.raw.slice(object.start, object.end) as RawJson;
}

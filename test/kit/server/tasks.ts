/**
 * Tools that go on as tasks, in the form of each era: the extension of 2026-07-28 (`resultType: "task"`, tasks/get, update, cancel) and core tasks of
 * 2025-11-25 (`task` with the call, tasks/get, result, cancel). Names count up from `task-1` in every server, so that two of them use the same.
 */
import { RpcFailure, isObject, rpcCode } from './rpc.ts';
import type { JsonObject } from './rpc.ts';
import type { Reply } from './reply.ts';
import type { Behaviour } from './script.ts';

const extension = 'io.modelcontextprotocol/tasks';

interface Task {
  readonly taskId: string;
  readonly createdAt: string;
  status: 'working' | 'completed' | 'cancelled' | 'input_required';
  result: JsonObject | undefined;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

export class Tasks {
  readonly #tasks = new Map<string, Task>();

  /** The answer to the call; undefined: it is to run inline. */
  begin(
    does: NonNullable<Behaviour['task']>,
    params: JsonObject,
    reply: Reply,
    result: () => JsonObject,
  ): JsonObject | undefined {
    if (!wants(params, reply)) {
      if (does.required === true && reply.era === 'legacy')
        throw new RpcFailure(rpcCode.methodNotFound, 'this tool runs as a task only');
      return undefined;
    }
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const taskId = `task-${this.#tasks.size + 1}`;
    const task: Task = {
      taskId,
      createdAt: new Date().toISOString(),
      status: 'working',
      result: undefined,
      ended,
      end,
    };
    this.#tasks.set(taskId, task);
    setTimeout(() => {
      if (task.status === 'cancelled') return;
      task.status = 'completed';
      task.result = result();
      end();
    }, does.afterMs).unref();
    return reply.era === 'modern' ? { resultType: 'task', ...seen(task, 'modern') } : { task: seen(task, 'legacy') };
  }

  /** Undefined: no method of this era's tasks. */
  async answer(method: string, params: JsonObject, reply: Reply): Promise<JsonObject | undefined> {
    const known = reply.era === 'modern' ? ['get', 'update', 'cancel'] : ['get', 'result', 'cancel'];
    if (!known.includes(method.replace('tasks/', ''))) return undefined;
    const task = this.#tasks.get(String(params['taskId']));
    if (task === undefined) throw new RpcFailure(rpcCode.invalidParams, 'Unknown task');
    if (method === 'tasks/cancel') {
      task.status = 'cancelled';
      task.end();
      return reply.era === 'modern' ? {} : seen(task, 'legacy');
    }
    if (method === 'tasks/update') return {};
    if (method === 'tasks/get') {
      const inlined = reply.era === 'modern' && task.result !== undefined ? { result: task.result } : {};
      return { ...seen(task, reply.era), ...inlined };
    }
    await task.ended;
    if (task.result === undefined) throw new RpcFailure(rpcCode.invalidParams, 'the task was cancelled');
    return { ...task.result, _meta: { 'io.modelcontextprotocol/related-task': { taskId: task.taskId } } };
  }
}

function wants(params: JsonObject, reply: Reply): boolean {
  if (reply.era === 'legacy') return isObject(params['task']);
  const extensions = reply.clientCapabilities['extensions'];
  return isObject(extensions) && extensions[extension] !== undefined;
}

function seen({ taskId, status, createdAt }: Task, era: 'modern' | 'legacy'): JsonObject {
  const times = era === 'modern' ? { ttlMs: 60_000, pollIntervalMs: 20 } : { ttl: 60_000, pollInterval: 20 };
  return { taskId, status, createdAt, lastUpdatedAt: createdAt, ...times };
}

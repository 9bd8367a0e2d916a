/**
 * Plays one tool call: the parts of its `Behaviour` in their documented order. Runs once per `tools/call`.
 * It decides nothing about the protocol; it only does what the script says, right or wrong.
 */
import { RpcFailure, isObject, rpcCode } from './rpc.ts';
import type { JsonObject, RpcId, RpcMessage } from './rpc.ts';
import type { Reply } from './reply.ts';
import type { Behaviour, ToolScript } from './script.ts';

export interface BehaviourHost {
  crash(how: 'exit' | 'kill', code: number): void;
  control(args: JsonObject): JsonObject;
  whoami(reply: Reply, params: JsonObject): JsonObject;
  /** The answer of a call that goes on as a task; undefined: it runs inline. */
  task(
    does: NonNullable<Behaviour['task']>,
    params: JsonObject,
    reply: Reply,
    result: () => JsonObject,
  ): JsonObject | undefined;
  /** Makes the result what this era expects (resultType, serverInfo). */
  finish(result: JsonObject, reply: Reply): JsonObject;
}

export async function playTool(
  tool: ToolScript,
  id: RpcId,
  params: JsonObject,
  reply: Reply,
  host: BehaviourHost,
): Promise<void> {
  const does = tool.does ?? {};
  makeNoise(does, reply);
  if (does.sse === true) reply.stream();
  for (const one of does.notify ?? []) reply.notify({ jsonrpc: '2.0', ...one });
  await playProgress(does, params, reply);
  if (does.latencyMs !== undefined) await pause(does.latencyMs, does.ignoreCancel === true ? undefined : reply.signal);
  if (reply.signal.aborted && does.ignoreCancel !== true) return;
  if (does.crash !== undefined) {
    await pause(does.crash.afterMs ?? 0);
    host.crash(does.crash.with, does.crash.code ?? 1);
    return;
  }
  if (does.hang === true) return;
  if (does.status !== undefined) {
    reply.status(does.status);
    return;
  }
  if (does.error !== undefined) throw new RpcFailure(does.error.code, does.error.message, does.error.data);
  const result = await resultOf(does, params, reply, host);
  if (does.afterAsksMs !== undefined && reply.signal.aborted) return;
  if (typeof result === 'string') {
    reply.text(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`);
  } else {
    leave(does, { jsonrpc: '2.0', id, result }, reply);
  }
  if (does.stdout?.after !== undefined) reply.noise('stdout', `${does.stdout.after}\n`);
}

function makeNoise(does: Behaviour, reply: Reply): void {
  if (does.stdout?.before !== undefined) reply.noise('stdout', `${does.stdout.before}\n`);
  if (does.stderrBytes !== undefined) reply.noise('stderr', `${'e'.repeat(does.stderrBytes)}\n`);
}

async function playProgress(does: Behaviour, params: JsonObject, reply: Reply): Promise<void> {
  const meta = params['_meta'];
  const token = isObject(meta) ? meta['progressToken'] : undefined;
  if (does.progress === undefined || token === undefined) return;
  const { count, intervalMs = 0, message } = does.progress;
  for (let step = 1; step <= count; step += 1) {
    if (reply.signal.aborted) return;
    // The SDKs of 2025/26 lose progress that shares a chunk with the answer (typescript-sdk #2580): provoke exactly that.
    const answersNext = does.latencyMs === undefined && does.hang !== true && does.crash === undefined;
    if (step === count && answersNext) reply.cork();
    reply.notify({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: {
        progressToken: token,
        progress: step,
        total: count,
        ...(message === undefined ? {} : { message: `${message} ${step}` }),
      },
    });
    if (step < count) await pause(intervalMs, reply.signal);
  }
}

/** A string is JSON text to be used verbatim. */
async function resultOf(
  does: Behaviour,
  params: JsonObject,
  reply: Reply,
  host: BehaviourHost,
): Promise<JsonObject | string> {
  if (does.rawResult !== undefined) return does.rawResult;
  const args = isObject(params['arguments']) ? params['arguments'] : {};
  if (does.task !== undefined) {
    const result = (): JsonObject => ({ content: contentOf(does, args, params, reply, host) });
    const begun = host.task(does.task, params, reply, result);
    if (begun !== undefined) return host.finish(begun, reply);
    await pause(does.task.afterMs, reply.signal);
  }
  if (does.asks !== undefined) {
    const asked = await askAll(does.asks, params, reply);
    if (!Array.isArray(asked)) return asked;
    await pause(does.afterAsksMs ?? 0, reply.signal);
    return host.finish({ content: [{ type: 'text', text: JSON.stringify(asked) }] }, reply);
  }
  const content = contentOf(does, args, params, reply, host);
  const result: JsonObject = { content: content.map((block) => ({ ...block, ...does.contentExtra })) };
  if (does.structuredContent !== undefined) result['structuredContent'] = does.structuredContent;
  if (does.toolError !== undefined) result['isError'] = true;
  const finished = host.finish({ ...result, ...does.resultExtra }, reply);
  if (does.resultMeta === undefined) return finished;
  return { ...finished, _meta: { ...(isObject(finished['_meta']) ? finished['_meta'] : {}), ...does.resultMeta } };
}

function contentOf(
  does: Behaviour,
  args: JsonObject,
  params: JsonObject,
  reply: Reply,
  host: BehaviourHost,
): JsonObject[] {
  if (does.toolError !== undefined) return [text(does.toolError)];
  if (does.control === true) return [text(JSON.stringify(host.control(args)))];
  if (does.whoami === true) return [text(JSON.stringify(host.whoami(reply, params)))];
  if (does.bytes !== undefined) return [text('b'.repeat(does.bytes))];
  if (does.resourceLink !== undefined)
    return [{ type: 'resource_link', uri: does.resourceLink, name: does.resourceLink }];
  return does.content ?? [text(JSON.stringify(args))];
}

/** Modern: one `input_required` round, recognised again by its own state. Legacy: live requests, one after the other. */
async function askAll(
  asks: NonNullable<Behaviour['asks']>,
  params: JsonObject,
  reply: Reply,
): Promise<unknown[] | JsonObject> {
  if (reply.era === 'legacy') {
    const answers: unknown[] = [];
    for (const one of asks) answers.push(await reply.ask(one.method, one.params ?? {}));
    return answers;
  }
  const given = params['inputResponses'];
  if (isObject(given)) {
    if (params['requestState'] !== 'kit-state') throw new RpcFailure(rpcCode.invalidParams, 'requestState was changed');
    return asks.map((_, n) => given[`q${n}`]);
  }
  const inputRequests = Object.fromEntries(
    asks.map((one, n) => [`q${n}`, { method: one.method, params: one.params ?? {} }]),
  );
  return { resultType: 'input_required', inputRequests, requestState: 'kit-state' };
}

function leave(does: Behaviour, message: RpcMessage, reply: Reply): void {
  if (does.cut === true) {
    reply.cut(message);
    return;
  }
  if (does.splitMs !== undefined) {
    reply.split(message, does.splitMs);
    return;
  }
  switch (does.malform) {
    case 'invalidJson':
      reply.text(JSON.stringify(message).slice(0, -2));
      return;
    case 'notAnObject':
      reply.text('42');
      return;
    case 'nothing':
      reply.text('');
      return;
    case 'wrongId':
      reply.answer({ ...message, id: 'nobody-asked-for-this' });
      return;
    case 'resultAndError':
      reply.answer({ ...message, error: { code: rpcCode.internal, message: 'both' } });
      return;
    case 'twice':
      reply.stream();
      reply.notify(message);
      reply.answer(message);
      return;
    case undefined:
      reply.answer(message);
  }
}

function text(value: string): JsonObject {
  return { type: 'text', text: value };
}

/** Ends early, without an error, when the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

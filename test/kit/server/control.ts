/**
 * The `control` tool: changes a running scripted server from the outside, through whatever stands in front of it.
 *
 * Actions: `addTool {tool}`, `removeTool {name}`, `setTools {tools}`, `addResource {resource}`, `addPrompt {prompt}` (each
 * sends the matching `list_changed` unless `silent: true`), `notify {method, params}`, `updated {uri}`, `calls`
 * (what was received so far: method, id, raw), `endListens`.
 */
import { isToolScript } from './catalog.ts';
import type { Catalog } from './catalog.ts';
import type { Recorder } from './recorder.ts';
import { RpcFailure, isObject, rpcCode } from './rpc.ts';
import type { JsonObject } from './rpc.ts';

/** What of the server the remote control may touch. */
export interface Controlled {
  readonly catalog: Catalog;
  readonly recorder: Recorder;
  readonly subscribers: ReadonlySet<{ end?(): void }>;
  broadcast(method: string, params?: JsonObject): void;
}

export function control(args: JsonObject, server: Controlled): JsonObject {
  const changed = (list: 'tools' | 'resources' | 'prompts'): JsonObject => {
    if (args['silent'] !== true) server.broadcast(`notifications/${list}/list_changed`);
    return { done: args['action'] };
  };
  const { catalog } = server;
  switch (args['action']) {
    case 'addTool': {
      if (!isToolScript(args['tool'])) throw bad('tool');
      catalog.tools.set(args['tool'].name, args['tool']);
      return changed('tools');
    }
    case 'removeTool':
      catalog.tools.delete(String(args['name']));
      return changed('tools');
    case 'setTools': {
      if (!Array.isArray(args['tools']) || !args['tools'].every(isToolScript)) throw bad('tools');
      // The remote control stays, or nobody could change the tools back.
      const kept = [...catalog.tools.values()].filter((tool) => tool.does?.control === true);
      catalog.setTools([...kept, ...args['tools']]);
      return changed('tools');
    }
    case 'addResource': {
      const one = args['resource'];
      if (!isObject(one)) throw bad('resource');
      catalog.resources.set(String(one['uri']), {
        ...one,
        uri: String(one['uri']),
        name: String(one['name'] ?? one['uri']),
      });
      return changed('resources');
    }
    case 'addPrompt': {
      const one = args['prompt'];
      if (!isObject(one)) throw bad('prompt');
      catalog.prompts.set(String(one['name']), { ...one, name: String(one['name']) });
      return changed('prompts');
    }
    case 'notify':
      server.broadcast(String(args['method']), isObject(args['params']) ? args['params'] : {});
      return { done: 'notify' };
    case 'updated':
      server.broadcast('notifications/resources/updated', { uri: args['uri'] });
      return { done: 'updated' };
    case 'calls':
      return {
        calls: server.recorder.received.map(({ method, id, raw }) => ({ method, id, raw })),
        cancelled: server.recorder.cancelled,
      };
    case 'endListens':
      for (const one of server.subscribers) one.end?.();
      return { done: 'endListens' };
    default:
      throw bad('action');
  }
}

function bad(argument: string): RpcFailure {
  return new RpcFailure(rpcCode.invalidParams, `control: wrong argument ${argument}`);
}

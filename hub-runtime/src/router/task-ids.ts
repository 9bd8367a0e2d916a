/**
 * Names of tasks as clients know them: sealed, with the server and its own name inside, good only for whoever began the task (checklist 47).
 *
 * A task's name is like a bearer token of its server: two servers may use the same one, and nobody may guess another's. A legacy task belongs to
 * the session that began it, a modern one to the principal. Runs only for tasks; holds nothing.
 */
import type { Exchange } from '../exchange/index.ts';
import type { StateSealer } from '../questions/index.ts';
import { memberString, quoted, type RawJson } from '../wire/index.ts';

const purpose = 'task';
/** A server's own name for a task, bytes. */
export const longestTaskId = 1_024;
/** Of a tool, bytes. A hub lists none that is longer than 128 characters (`naming.maxLength`, aliases): what a client makes up is not kept. */
const longestTool = 512;

interface Sealed {
  /** Server key, the server's name for it (byte form), whose it is. */
  readonly u: string;
  readonly t: string;
  readonly w: string;
  /** The tool that was called, as its client named it: what its result is checked against. */
  readonly n?: string;
}

export interface NamedTask {
  readonly server: string;
  /** Byte form. */
  readonly taskId: string;
  /** As its client named it, byte form. */
  readonly tool: string | undefined;
}

export class TaskIds {
  readonly #sealer: StateSealer;

  constructor(sealer: StateSealer) {
    this.#sealer = sealer;
  }

  /** Raw: a JSON string. */
  seal(exchange: Exchange, server: string, taskId: string): RawJson {
    const tool = memberString(exchange.params, 'name');
    const named = tool === undefined || tool.length > longestTool ? {} : { n: tool };
    const sealed: Sealed = { u: server, t: taskId, w: ownerOf(exchange), ...named };
    return quoted(this.#sealer.seal(purpose, sealed));
  }

  /** Undefined: it is none of this caller's. */
  open(exchange: Exchange, given: string): NamedTask | undefined {
    const sealed = this.#sealer.open(purpose, given) as Sealed | undefined;
    if (sealed === undefined || sealed.w !== ownerOf(exchange)) return undefined;
    return { server: sealed.u, taskId: sealed.t, tool: sealed.n };
  }
}

function ownerOf({ caller, graph }: Exchange): string {
  const { session, principal } = caller;
  const whose = session === undefined ? `principal ${principal.id}` : `session ${session.id}`;
  return `${graph.config.namespace}/${graph.config.name} ${whose}`;
}

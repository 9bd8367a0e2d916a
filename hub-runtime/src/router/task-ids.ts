/**
 * Names of tasks as clients know them: sealed, with the server and its own name inside, good only for whoever began the task (checklist 47).
 *
 * A task's name is like a bearer token of its server: two servers may use the same one, and nobody may guess another's. A legacy task belongs to
 * the session that began it, a modern one to the principal. Runs only for tasks; holds nothing.
 */
import type { Exchange } from '../exchange/index.ts';
import type { StateSealer } from '../questions/index.ts';
import { quoted, type RawJson } from '../wire/index.ts';

const purpose = 'task';
/** A server's own name for a task, bytes. */
export const longestTaskId = 1_024;

interface Sealed {
  /** Server key, the server's name for it (byte form), whose it is. */
  readonly u: string;
  readonly t: string;
  readonly w: string;
}

export interface NamedTask {
  readonly server: string;
  /** Byte form. */
  readonly taskId: string;
}

export class TaskIds {
  readonly #sealer: StateSealer;

  constructor(sealer: StateSealer) {
    this.#sealer = sealer;
  }

  /** Raw: a JSON string. */
  seal(exchange: Exchange, server: string, taskId: string): RawJson {
    const sealed: Sealed = { u: server, t: taskId, w: ownerOf(exchange) };
    return quoted(this.#sealer.seal(purpose, sealed));
  }

  /** Undefined: it is none of this caller's. */
  open(exchange: Exchange, given: string): NamedTask | undefined {
    const sealed = this.#sealer.open(purpose, given) as Sealed | undefined;
    if (sealed === undefined || sealed.w !== ownerOf(exchange)) return undefined;
    return { server: sealed.u, taskId: sealed.t };
  }
}

function ownerOf({ caller, graph }: Exchange): string {
  const { session, principal } = caller;
  const whose = session === undefined ? `principal ${principal.id}` : `session ${session.id}`;
  return `${graph.config.namespace}/${graph.config.name} ${whose}`;
}
